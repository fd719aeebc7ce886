"""Writes ramp.oracle: what Floyd and Steinberg's dithering makes of a ramp, by the definition, for TestDither.

Errors are kept in units of 1/16 of 16-bit values and divided toward zero as they reach a pixel. A pixel takes the
nearest shade, the darker one of two that are equally near.
"""

WIDTH, HEIGHT = 21, 6


def nearest(value, shades):
    return min(range(len(shades)), key=lambda i: ((value - shades[i]) ** 2, i))


def dither(rows, bits):
    shades = [255 * i // ((1 << bits) - 1) * 257 for i in range(1 << bits)]
    carried = [[0] * WIDTH for _ in range(HEIGHT + 1)]
    for y in range(HEIGHT):
        for x in range(WIDTH):
            value = rows[y][x] * 257 + int(carried[y][x] / 16)
            value = max(0, min(65535, value))
            i = nearest(value, shades)
            error = value - shades[i]
            for dx, dy, weight in (1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1):
                if 0 <= x + dx < WIDTH:
                    carried[y + dy][x + dx] += error * weight
            yield i


def main():
    rows = [[(13 * x + 7 * y) % 256 for x in range(WIDTH)] for y in range(HEIGHT)]
    with open("ramp.oracle", "w") as f:
        for bits in 1, 2:
            f.write("".join(map(str, dither(rows, bits))) + "\n")


if __name__ == "__main__":
    main()
