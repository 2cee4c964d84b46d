#include "random.h"

uint64_t random_bits(struct random_source *source) {
    source->counter += 0x9e3779b97f4a7c15u;
    uint64_t bits = source->counter;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

double random_uniform(struct random_source *source) {
    return (double)(random_bits(source) >> 11) * 0x1p-53;
}
