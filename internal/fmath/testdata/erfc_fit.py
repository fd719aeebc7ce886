"""The coefficients of erfc.go: prints erfcTail. Needs mpmath (Debian: python3-mpmath).

For x >= 0 and t = (x-3)/(x+3), erfc(x) * exp(x*x) * (x+3) is a smooth function of t. Its Chebyshev
approximation over 0.75 <= x <= 28, as a polynomial in t, has an absolute error of 3e-17.
"""
from mpmath import chebyfit, erfc, exp, mp, mpf, nstr

mp.dps = 60


def smooth(t):
    x = 6 / (1 - t) - 3
    return erfc(x) * exp(x * x) * (x + 3)


ends = [(x - 3) / (x + 3) for x in (mpf("0.75"), mpf(28))]
coefficients, error = chebyfit(smooth, ends, 20, error=True)
for i, c in enumerate(reversed(coefficients)):
    print("\tt%d = %s" % (i, nstr(c, 20)))
print("error", nstr(error, 2))
