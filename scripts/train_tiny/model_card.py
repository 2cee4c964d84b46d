"""Write models/tiny/README.md, the model card, from the measured figures and the samples.

    results.json   from probes.py
    slips.json     from slips.py
    samples.txt    from samples.py, or from any program that writes "## seed N" before each sample
"""
import argparse
import hashlib
import json
import os

FILES = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
HERE = os.path.dirname(os.path.abspath(__file__))


def read(*parts):
    with open(os.path.join(*parts), encoding="utf-8") as text:
        return text.read()


def figures(results):
    """The table of probes."""
    count = results["count"]
    rows = [f"| {name} | {probe['right']} of {count} | {probe['right'] / count:.1%} | {probe['needed']:.0%} |"
            for name, probe in results["probes"].items()]
    return "\n".join(["| probe (held-out cases, greedy) | right | share | wanted |", "|---|---|---|---|"] + rows)


def also(copying):
    """A sentence about the other heads that copy, if there are any."""
    others = [f"layer {n} head {k} ({mean:.2f})" for n, k, mean in copying["all"] if [n, k] != [copying["layer"], copying["head"]]]
    return f" So do {' and '.join(others)}." if len(others) > 1 else f" So does {others[0]}." if others else ""


def heads(results):
    """What the named heads do, in words."""
    pronoun, copying = results["heads"]["pronoun"], results["heads"]["copying"]
    rows = [f"| {name} | {value:.2f} |" for name, value in pronoun["families"].items()]
    rows.append(f"| all of them | {pronoun['mean']:.2f} |")
    return (f"Layers and heads are counted from 0.\n\n"
            f"**Layer {pronoun['layer']}, head {pronoun['head']}: what \"it\" means.** The mean share of attention that \"it\" gives to the noun "
            f"that it names, over {results['count']} sentences of each kind (where a service is named, held-out ones):\n\n"
            "| sentences | mean weight |\n|---|---|\n" + "\n".join(rows) + "\n\n"
            f"With two nouns it is {pronoun['two_nouns']:.2f} on the mean. Where only the words after \"it\" decide, the head cannot know yet, "
            "and divides its attention.\n\n"
            f"**Layer {copying['layer']}, head {copying['head']}: copying.** In random tokens that are repeated once, each token gives "
            f"{copying['mean']:.2f} of its attention, on the mean, to what followed its first occurrence." + also(copying))


def samples(text, first, last):
    """The samples of some seeds, unedited."""
    parts = dict(part.split("\n", 1) for part in text.split("## ")[1:])
    shown = [f"Seed {seed}:\n\n```text\n{parts[f'seed {seed}'].rstrip()}\n```" for seed in range(first, last + 1)]
    return "\n\n".join(shown), parts["greedy"].rstrip()


def hashes(folder):
    rows = []
    for name in FILES:
        with open(os.path.join(folder, name), "rb") as data:
            rows.append(f"{hashlib.sha256(data.read()).hexdigest()}  {name}")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--out", default="models/tiny")
    options = parser.parse_args()
    results = json.loads(read(options.work, "results.json"))
    config = json.loads(read(options.out, "config.json"))
    slips = json.loads(read(options.work, "slips.json"))
    shown, greedy = samples(read(options.work, "samples.txt"), 1, 10)
    size = os.path.getsize(os.path.join(options.out, "model.safetensors"))
    values = {"layers": config["n_layer"], "heads": config["n_head"], "dimensions": config["n_embd"],
              "positions": config["n_positions"], "vocabulary": config["vocab_size"], "weights": f"{(size - 5000) / 4e6:.2f} million",
              "bytes": f"{size:,}", "steps": results["steps"], "tokens": f"{results['steps'] * results['rows'] * 256 / 1e6:.0f} million",
              "perplexity": f"{results['perplexity']:.2f}", "heldout_tokens": f"{results['heldout_tokens']:,}",
              "slips": slips["slips"], "slip_texts": f"{slips['texts']:,}", "slip_share": f"{slips['slips'] / slips['texts']:.1%}",
              "fresh": f"{slips['fresh']:,}", "false_alarms": slips["false_alarms"], "figures": figures(results), "attention": heads(results), "samples": shown, "greedy": greedy,
              "hashes": hashes(options.out)}
    card = read(HERE, "model_card.md")
    for name, value in values.items():
        card = card.replace("{" + name + "}", str(value))
    with open(os.path.join(options.out, "README.md"), "w", encoding="utf-8") as out:
        out.write(card)


if __name__ == "__main__":
    main()
