"""Which heads do what: the share of attention from "it" to its noun, and from a repeated token
to what followed it the first time, as means for every head."""
import random

import torch

from hints import COPIES
from probe_cases import with_service
from texts.core import Scene
from texts.pronouns import clue_pair, sentence, single, verb_pair
from texts.sentences import because


def verb(s):
    """Two nouns; the verb says which one is meant."""
    return sentence(s, with_service(s, verb_pair))[0]


def clue(s):
    """Two nouns; what follows says which one is meant."""
    return sentence(s, with_service(s, clue_pair))[0]


FAMILIES = {"the verb decides": verb, "what follows decides": clue, "one noun, with its service": single, "one noun": because}


@torch.no_grad()
def weights_of(model, ids):
    """All attention weights of one text: [n_layer, n_head, seq, seq]."""
    model.hidden(torch.tensor([ids]), keep=True)
    return torch.cat(model.attention())


def pronoun_means(model, tokenizer, make, count):
    """Mean weight from the pronoun to its noun, [n_layer, n_head], over count held-out texts."""
    total = 0
    for n in range(count):
        text = make(Scene(random.Random(f"head {make.__name__} {n}"), "heldout"))
        ids, places = tokenizer.encode_marked(text)
        total = total + weights_of(model, ids)[:, :, places["^"], places["@"]]
    return total / count


def copying_means(model, tokenizer, count):
    """Mean weight from each token of a repeated random sequence to the one after its first occurrence."""
    total, size = 0, 24
    for n in range(count):
        rng = random.Random(f"copy {n}")
        part = rng.sample(range(tokenizer.end), size)
        weights = weights_of(model, part + part)
        at = torch.arange(size, 2 * size - 1)
        total = total + weights[:, :, at, at - size + 1].mean(-1)
    return total / count


def best(means):
    """(layer, head, mean) of the strongest head."""
    n_head = means.shape[1]
    at = int(means.argmax())
    return [at // n_head, at % n_head, float(means.max())]


def measure(model, tokenizer, count):
    """The figures for the model card, as plain numbers."""
    pronoun = {name: pronoun_means(model, tokenizer, make, count) for name, make in FAMILIES.items()}
    two = list(FAMILIES)[:2]
    overall = sum(pronoun.values()) / len(pronoun)
    layer, head, mean = best(overall)
    copying, (copier_layer, copier) = copying_means(model, tokenizer, count), COPIES[0]
    return {"pronoun": {"layer": layer, "head": head, "mean": mean,
                        "two_nouns": float(sum(pronoun[name] for name in two)[layer, head] / 2),
                        "families": {name: float(means[layer, head]) for name, means in pronoun.items()},
                        "best_of_family": {name: best(means) for name, means in pronoun.items()}},
            "copying": {"layer": copier_layer, "head": copier, "mean": float(copying[copier_layer, copier]),
                        "all": [[n, k, float(copying[n, k])] for n, k in (copying > 0.9).nonzero().tolist()]}}


def show(figures):
    pronoun, copying = figures["pronoun"], figures["copying"]
    print(f"pronoun head: layer {pronoun['layer']} head {pronoun['head']}, mean weight from it to its noun {pronoun['mean']:.3f}, "
          f"with two nouns {pronoun['two_nouns']:.3f}")
    for name, value in pronoun["families"].items():
        print(f"    {name}: {value:.3f}   (best head of this family: {pronoun['best_of_family'][name]})")
    print(f"copying head: layer {copying['layer']} head {copying['head']}, mean weight {copying['mean']:.3f}; all above 0.9: {copying['all']}")
