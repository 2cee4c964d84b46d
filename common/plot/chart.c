#include "chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimals that leave about three digits of a number of this magnitude. */
static int decimals_for(double magnitude) {
    return magnitude >= 100.0 ? 0 : magnitude >= 10.0 ? 1 : magnitude >= 0.095 ? 2 : 3;
}

/* Large numbers are counted in thousands, millions or billions. */
static const char *unit_for(double magnitude, double *unit) {
    if (magnitude >= 1e9)
        return *unit = 1e9, "G";
    if (magnitude >= 1e6)
        return *unit = 1e6, "M";
    if (magnitude >= 1e4)
        return *unit = 1e3, "k";
    return *unit = 1.0, "";
}

const char *chart_number(double value, double largest, char text[CHART_NUMBER_SIZE]) {
    if (isnan(value)) {
        snprintf(text, CHART_NUMBER_SIZE, "nan");
    } else if (isinf(value)) {
        snprintf(text, CHART_NUMBER_SIZE, value < 0 ? "-∞" : "∞");
    } else if (value == 0.0) {
        snprintf(text, CHART_NUMBER_SIZE, "0");
    } else if (largest > 0.0 && (largest < 1e-3 || largest >= 1e12)) {
        snprintf(text, CHART_NUMBER_SIZE, "%.2g", value);
    } else {
        double unit;
        const char *name = unit_for(largest, &unit);
        int decimals = decimals_for(largest / unit);
        double scaled = value / unit;
        if (fabs(scaled) < 0.5 * pow(10.0, -decimals))
            scaled = 0.0; // no "-0.00"
        snprintf(text, CHART_NUMBER_SIZE, "%.*f%s", decimals, scaled, name);
    }
    return text;
}

const char *chart_percent(double share, char text[CHART_NUMBER_SIZE]) {
    double percent = share * 100.0;
    if (percent > 0.0 && percent < 0.01)
        snprintf(text, CHART_NUMBER_SIZE, "<0.01%%");
    else
        snprintf(text, CHART_NUMBER_SIZE, "%.*f%%",
                 percent >= 9.95 || percent == 0.0 ? 0
                 : percent >= 0.095                ? 1
                                                   : 2,
                 percent);
    return text;
}

bool chart_range(const float *values, size_t n, double *low, double *high) {
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            continue;
        if (!found || values[i] < *low)
            *low = values[i];
        if (!found || values[i] > *high)
            *high = values[i];
        found = true;
    }
    if (!found) {
        *low = 0.0;
        *high = 1.0;
    }
    return found;
}

void heatmap_range(const struct heatmap *map, double *low, double *high) {
    if (map->low < map->high) {
        *low = map->low;
        *high = map->high;
    } else {
        chart_range(map->values, map->n_rows * map->n_columns, low, high);
    }
    if (map->scale == CHART_SIGNED) {
        double most = fmax(fabs(*low), fabs(*high));
        *low = -most;
        *high = most;
    } else if (map->low >= map->high && *low > 0.0) {
        *low = 0.0;
    }
    if (*low >= *high)
        *high = *low + 1.0;
}

void heatmaps_range(const struct heatmap *maps, size_t n, double *low, double *high) {
    heatmap_range(&maps[0], low, high);
    for (size_t i = 1; i < n && !(maps[0].low < maps[0].high); i++) {
        double map_low = 0.0, map_high = 0.0;
        heatmap_range(&maps[i], &map_low, &map_high);
        *low = fmin(*low, map_low);
        *high = fmax(*high, map_high);
    }
}

void bar_chart_range(const struct bar_chart *chart, double *low, double *high) {
    if (chart->low < chart->high) {
        *low = chart->low;
        *high = chart->high;
    } else {
        chart_range(chart->values, chart->n, low, high);
    }
    *low = fmin(*low, 0.0);
    *high = fmax(*high, 0.0);
    if (*low >= *high)
        *high = *low + 1.0;
}

const char *bar_chart_value(const struct bar_chart *chart, size_t i, char text[LABEL_SIZE]) {
    enum { MOST_COLUMNS = 30 };
    char number[CHART_NUMBER_SIZE];
    double value = chart->values[i], magnitude = fabs(value), low = 0.0, high = 0.0;
    if (chart->value_texts != NULL)
        return label_shorten(chart->value_texts[i], MOST_COLUMNS, text);
    if (chart->percent && isfinite(value) && value >= 0.0)
        return strcpy(text, chart_percent(value, number));
    chart_range(chart->values, chart->n, &low, &high);
    // All with the same digits, except those that would become 0.00.
    chart_number(value, fmax(fabs(low), fabs(high)), number);
    if (strtod(number, NULL) == 0.0)
        chart_number(value, magnitude, number);
    return strcpy(text, number);
}

double chart_level(enum chart_scale scale, double value, double low, double high) {
    if (!isfinite(value))
        return (double)NAN;
    double level = fmin(fmax((value - low) / (high - low), 0.0), 1.0);
    return scale == CHART_SIGNED ? 2.0 * level - 1.0 : level;
}

struct ticks chart_ticks(double low, double high, size_t most) {
    static const double factors[] = {1.0, 2.0, 5.0, 10.0};
    double rough = (high - low) / (double)most;
    double power = pow(10.0, floor(log10(rough)));
    struct ticks ticks = {0};
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
        ticks.step = factors[i] * power;
        double slack = 1e-9 * ticks.step; // 0.1 + 0.2 is a little more than 0.3
        double first = ceil((low - slack) / ticks.step), last = floor((high + slack) / ticks.step);
        ticks.first = first * ticks.step;
        ticks.count = last >= first ? (size_t)(last - first + 1.5) : 0;
        if (ticks.count <= most)
            break;
    }
    return ticks;
}

struct ticks chart_whole_ticks(double low, double high, size_t most) {
    struct ticks ticks = chart_ticks(low, high, most);
    if (ticks.step < 0.75) { // 0.5, 0.2, ...: the whole numbers are some of these ticks
        double first = ceil(low - 1e-9), last = floor(high + 1e-9);
        ticks = (struct ticks){first, 1.0, last >= first ? (size_t)(last - first + 1.5) : 0};
    }
    return ticks;
}

const char *tick_text(const struct ticks *ticks, size_t i, char text[CHART_NUMBER_SIZE]) {
    double value = ticks->first + (double)i * ticks->step;
    double last = ticks->first + (double)(ticks->count - 1) * ticks->step;
    double largest = fmax(fabs(ticks->first), fabs(last));
    double unit;
    const char *name = unit_for(largest, &unit);
    if (fabs(value) < 1e-9 * ticks->step)
        value = 0.0;
    double step = ticks->step / unit;
    int decimals = step >= 1.0 ? 0 : (int)ceil(-log10(step) - 1e-9);
    if (ticks->step < 1e-4 || largest >= 1e12)
        snprintf(text, CHART_NUMBER_SIZE, "%.3g", value);
    else
        snprintf(text, CHART_NUMBER_SIZE, "%.*f%s", decimals, value / unit,
                 value == 0.0 ? "" : name);
    return text;
}
