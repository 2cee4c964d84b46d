#include "color.h"

#include <math.h>

struct color color_white(void) {
    return (struct color){255, 255, 255};
}

struct color color_ink(void) {
    return (struct color){32, 38, 46};
}

struct color color_faint(void) {
    return (struct color){110, 118, 129};
}

struct color color_grid(void) {
    return (struct color){225, 228, 232};
}

struct color color_none(void) {
    return (struct color){214, 214, 214};
}

static unsigned char mix_channel(unsigned char a, unsigned char b, double share) {
    return (unsigned char)(a + (b - a) * share + 0.5);
}

struct color color_mix(struct color a, struct color b, double share) {
    return (struct color){mix_channel(a.red, b.red, share), mix_channel(a.green, b.green, share),
                          mix_channel(a.blue, b.blue, share)};
}

/* t: 0 to 1, rounded to a step, then mixed from the two stops around it. stops: [n], n >= 2 */
static struct color between_stops(const struct color *stops, size_t n, double t) {
    t = fmin(fmax(t, 0.0), 1.0);
    t = floor(t * (COLOR_STEPS - 1) + 0.5) / (COLOR_STEPS - 1);
    double place = t * (double)(n - 1);
    size_t i = (size_t)place;
    if (i > n - 2)
        i = n - 2;
    return color_mix(stops[i], stops[i + 1], place - (double)i);
}

struct color color_sequential(double t) {
    static const struct color stops[] = {
        {244, 248, 253}, {191, 217, 242}, {110, 168, 219}, {43, 107, 176}, {11, 46, 99}};
    return isnan(t) ? color_none() : between_stops(stops, sizeof stops / sizeof stops[0], t);
}

struct color color_diverging(double t) {
    static const struct color positive[] = {{250, 250, 250}, {139, 183, 226}, {22, 72, 138}};
    static const struct color negative[] = {{250, 250, 250}, {250, 178, 110}, {166, 74, 6}};
    if (isnan(t))
        return color_none();
    return between_stops(t < 0 ? negative : positive, 3, fabs(t));
}

struct color color_series(size_t i) {
    // Chosen to differ in brightness as well as in hue.
    static const struct color colors[COLOR_SERIES] = {{31, 97, 168},   {230, 128, 30},
                                                      {26, 148, 116},  {176, 58, 102},
                                                      {122, 182, 224}, {96, 84, 148}};
    return colors[i % COLOR_SERIES];
}

struct color color_text_on(struct color background) {
    // How bright a colour looks: the eye takes most of it from green (ITU-R BT.601).
    double brightness = 0.299 * background.red + 0.587 * background.green + 0.114 * background.blue;
    return brightness < 140.0 ? color_white() : color_ink();
}
