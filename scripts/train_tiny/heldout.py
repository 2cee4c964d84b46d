"""Write heldout.txt: held-out texts, each after a literal <|endoftext|>, for perplexity."""
import os

from probes import HERE, held_out_text

if __name__ == "__main__":
    with open(os.path.join(HERE, "heldout.txt"), "w", encoding="ascii") as out:
        out.write(held_out_text(56000))
