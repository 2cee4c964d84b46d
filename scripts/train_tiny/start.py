"""Where the weights start: not quite at random, so that copying is learned in minutes.

Nothing here is fixed: every weight is trained afterwards like any other.
"""
import math

import torch

NARROW = 32  # dimensions of a head: 128 dimensions, 4 heads


def waves(n_positions, n_embd):
    """Positions as sines and cosines of many lengths, in the first half of the dimensions: [n_positions, n_embd].

    From random numbers, a head that looks at the token before would have to learn each of the
    positions on its own; between waves, one step back is the same small turn everywhere.
    """
    lengths = torch.logspace(0.7, 2.8, n_embd // 4)  # from 5 to 630 positions
    angles = 2 * math.pi * torch.arange(n_positions)[:, None] / lengths
    return 0.1 * torch.cat([angles.sin(), angles.cos(), torch.zeros(n_positions, n_embd // 2)], dim=1)


def narrowing(n_in, n_out, first=0):
    """Random orthonormal directions that use the dimensions from first on: [n_in, n_out]."""
    out = torch.zeros(n_in, n_out)
    out[first:] = torch.linalg.qr(torch.randn(n_in - first, n_out))[0]
    return out


def part(attn, which, head):
    """The columns of c_attn that make Q (0), K (1) or V (2) of a head."""
    n_embd = attn.c_proj.weight.shape[0]
    start = which * n_embd + head * NARROW
    return attn.c_attn.weight[:, start:start + NARROW]


def rows(attn, head):
    """The rows of c_proj that take the result of a head."""
    return attn.c_proj.weight[head * NARROW:(head + 1) * NARROW]


def pass_on(attn, head):
    """A head that passes on a little of what it looks at: its part of c_proj undoes its V."""
    narrow = narrowing(attn.c_proj.weight.shape[0], NARROW)
    part(attn, 2, head).copy_(0.5 * narrow)
    rows(attn, head).copy_(0.4 * narrow.T)


@torch.no_grad()
def start(model):
    """Sets the first values of the embeddings and of some heads.

    Layer 0, heads 0 and 1 will find the tokens one and two places back (hints.py); what they find
    goes to directions of its own. Layer 1, head 0 compares the token here with the token before
    each place: that finds what followed this token the last time. Head 1 compares two tokens in
    the same way. The heads of the layers above layer 0 pass on what they find.
    """
    n_embd = model.shape.n_embd
    model.wte.weight.normal_(std=0.05)
    model.wpe.weight.copy_(waves(model.shape.n_positions, n_embd))
    token = narrowing(n_embd, NARROW, first=n_embd // 2)
    before, two_before = narrowing(n_embd, 2 * NARROW).chunk(2, dim=1)
    zero, one = model.h[0].attn, model.h[1].attn
    for head, place in ((0, before), (1, two_before)):
        part(zero, 2, head).copy_(0.5 * token)
        rows(zero, head).copy_(0.3 * place.T)
    half = NARROW // 2
    part(one, 0, 0).copy_(2 * token)
    part(one, 1, 0).copy_(2 * before)
    part(one, 0, 1).copy_(2 * torch.cat([token[:, :half], before[:, :half]], dim=1))
    part(one, 1, 1).copy_(2 * torch.cat([before[:, :half], two_before[:, :half]], dim=1))
    for block in model.h[1:]:
        for head in range(model.shape.n_head):
            pass_on(block.attn, head)
