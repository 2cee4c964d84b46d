#include "bpe.h"

#include <stdlib.h>

/* A place in the chunk: a token that begins there, or a hole where a merge has swallowed one. */
struct node {
    uint32_t id;
    uint32_t previous, next; // indexes of the neighbouring nodes, NONE at the ends
    bool swallowed;
};

/* Two neighbours that a rule would make one. It is stale when either has changed since. */
struct candidate {
    uint32_t left; // index of the left node
    const struct merge *rule;
};

struct queue {
    struct candidate *heap; // [count]; the children of heap[i] are heap[2i + 1] and heap[2i + 2]
    size_t count;
};

static const uint32_t NONE = UINT32_MAX;

static bool goes_before(const struct candidate *a, const struct candidate *b) {
    if (a->rule->rank != b->rule->rank)
        return a->rule->rank < b->rule->rank;
    return a->left < b->left;
}

static void sift_down(struct queue *queue, size_t at) {
    struct candidate moving = queue->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= queue->count)
            break;
        if (child + 1 < queue->count && goes_before(&queue->heap[child + 1], &queue->heap[child]))
            child++;
        if (!goes_before(&queue->heap[child], &moving))
            break;
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    queue->heap[at] = moving;
}

static void push(struct queue *queue, struct candidate candidate) {
    size_t at = queue->count++;
    while (at > 0 && goes_before(&candidate, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = candidate;
}

static struct candidate pop(struct queue *queue) {
    struct candidate first = queue->heap[0];
    queue->heap[0] = queue->heap[--queue->count];
    if (queue->count > 0)
        sift_down(queue, 0);
    return first;
}

/* Queues the pair that begins at node `left`, if there is one and it has a rule. */
static void consider(struct queue *queue, const struct merges *merges, const struct node *nodes,
                     uint32_t left) {
    if (left == NONE || nodes[left].next == NONE)
        return;
    const struct merge *rule = merges_find(merges, nodes[left].id, nodes[nodes[left].next].id);
    if (rule != NULL)
        push(queue, (struct candidate){left, rule});
}

static bool is_stale(const struct node *nodes, const struct candidate *candidate) {
    const struct node *left = &nodes[candidate->left];
    return left->swallowed || left->next == NONE || left->id != candidate->rule->left ||
           nodes[left->next].id != candidate->rule->right;
}

/* The left node takes the right one in. */
static void join(struct node *nodes, const struct candidate *candidate) {
    struct node *left = &nodes[candidate->left];
    struct node *right = &nodes[left->next];
    left->id = candidate->rule->joined;
    right->swallowed = true;
    left->next = right->next;
    if (left->next != NONE)
        nodes[left->next].previous = candidate->left;
}

static void merge_all(struct queue *queue, const struct merges *merges, struct node *nodes) {
    while (queue->count > 0) {
        struct candidate best = pop(queue);
        if (is_stale(nodes, &best))
            continue;
        join(nodes, &best);
        consider(queue, merges, nodes, best.left);
        consider(queue, merges, nodes, nodes[best.left].previous);
    }
}

bool bpe_merge(const struct merges *merges, uint32_t *ids, size_t *count) {
    size_t n = *count;
    if (n < 2)
        return true;
    if (n >= NONE || n > SIZE_MAX / (2 * sizeof(struct candidate)))
        return false;
    struct node *nodes = malloc(n * sizeof *nodes);
    // n - 1 pairs at first; each of the at most n - 1 merges takes one out and puts two in.
    struct queue queue = {malloc(2 * n * sizeof(struct candidate)), 0};
    if (nodes == NULL || queue.heap == NULL) {
        free(nodes);
        free(queue.heap);
        return false;
    }
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = (struct node){ids[i], i > 0 ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE, false};
    for (uint32_t i = 0; i < n; i++)
        consider(&queue, merges, nodes, i);
    merge_all(&queue, merges, nodes);

    size_t written = 0;
    for (uint32_t i = 0; i != NONE; i = nodes[i].next) // node 0 is never swallowed
        ids[written++] = nodes[i].id;
    *count = written;
    free(nodes);
    free(queue.heap);
    return true;
}
