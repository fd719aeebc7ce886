"""Minimax fits behind tanh.go and activation.go, by Remez exchange in 50 decimal digits; needs the standard library only."""
from decimal import Decimal as D, getcontext
import math
getcontext().prec = 50

def solve(A, b):
    n = len(b)
    M = [r[:] + [b[i]] for i, r in enumerate(A)]
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(M[r][i]))
        M[i], M[p] = M[p], M[i]
        for r in range(i + 1, n):
            f = M[r][i] / M[i][i]
            for c in range(i, n + 1):
                M[r][c] -= f * M[i][c]
    x = [D(0)] * n
    for i in reversed(range(n)):
        x[i] = (M[i][n] - sum(M[i][c] * x[c] for c in range(i + 1, n))) / M[i][i]
    return x

def remez(base, target, lo, hi, grid=1200):
    """Coefficients c that minimise the largest |sum c_i base_i(t) - target(t)| on [lo, hi]."""
    n = len(base)
    pts = [(lo + hi) / 2 - (hi - lo) / 2 * D(math.cos(math.pi * (k + .5) / (n + 1))) for k in range(n + 1)]
    ts = [lo + (hi - lo) * D(k) / grid for k in range(grid + 1)]
    for _ in range(30):
        A = [[f(t) for f in base] + [D((-1) ** i)] for i, t in enumerate(pts)]
        c = solve(A, [target(t) for t in pts])[:n]
        ext = []
        for t in ts:
            e = sum(ci * f(t) for ci, f in zip(c, base)) - target(t)
            if not ext or (ext[-1][1] > 0) != (e > 0):
                ext.append((t, e))
            elif abs(e) > abs(ext[-1][1]):
                ext[-1] = (t, e)
        while len(ext) > n + 1:
            ext.pop(0 if abs(ext[0][1]) < abs(ext[-1][1]) else -1)
        if len(ext) < n + 1: break
        new = [t for t, _ in ext]
        if new == pts:
            break
        pts = new
    return c, max(abs(e) for _, e in ext)

def tanh(x):
    e = (-2 * x).exp()
    return (1 - e) / (1 + e)

def show(name, fit):
    c, e = fit
    print(name, [f"{float(v):.10g}" for v in c], f"error {float(e):.2g}")

# exp(r) = 1 + r + r^2 (c0 + c1 r + ...)
half = D(2).ln() / 2
show("exp", remez([lambda r, i=i: r ** (i + 2) * (-r).exp() for i in range(5)],
                  lambda r: 1 - (1 + r) * (-r).exp(), -half * D('1.0001'), half * D('1.0001')))

# tanh z = z + z u (c0 + c1 u + ...), u = z*z
def ratio(u):
    z = u.sqrt()
    return tanh(z) / z

show("tanh", remez([lambda u, i=i: u ** (i + 1) / ratio(u) for i in range(4)],
                   lambda u: 1 - 1 / ratio(u), D('1e-6'), D('0.25')))

# ln(1+e) = s (2 + u (c0 + c1 u + ...)), s = e/(2+e), u = s*s
def logarithm(u):
    s = u.sqrt()
    return ((1 + s) / (1 - s)).ln() / s

show("log", remez([lambda u, i=i: u ** (i + 1) / logarithm(u) for i in range(4)],
                  lambda u: 1 - 2 / logarithm(u), D('1e-9'), D(1) / 9))

# F(-z) = exp(-z*z/2) (p0 + p1 z + ... + p4 z^4) / (1 + q1 z + ... + q5 z^5)
getcontext().prec = 100
cache = {}
def mills(z):
    """exp(z*z/2) F(-z), where F is the normal distribution function; its series cancels 40 digits at z = 13."""
    if z not in cache:
        term = total = z
        n = 1
        while term > D('1e-60') * total:
            n += 2
            term *= z * z / n
            total += term
        pi = D('3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798')
        cache[z] = (z * z / 2).exp() / 2 - total / (2 * pi).sqrt()
    return cache[z]

def power(t, n):
    return t ** n if n else D(1)

def value(c, t):
    return sum(v * power(t, i) for i, v in enumerate(c))

def rational(f, m, n, lo, hi):
    """P of degree m and Q of degree n, P/Q near f: fits of P - f*Q, each weighted by the Q before it."""
    q = [D(math.comb(n, j)) / 2 ** j for j in range(n + 1)]
    for _ in range(5):
        base = [lambda t, i=i: power(t, i) / f(t) / value(q, t) for i in range(m + 1)]
        base += [lambda t, j=j: -power(t, j) / value(q, t) for j in range(1, n + 1)]
        c, e = remez(base, lambda t: 1 / value(q, t), lo, hi, 300)
        q = [D(1)] + c[m + 1:]
    return c, e

show("gelu, p and q", rational(mills, 4, 5, D(0), D('13.3')))
