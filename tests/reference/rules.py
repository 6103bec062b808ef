"""Published update rules, transcribed from their sources one operation after the other in Python floats.

Nothing here shares code with the engine or with a library's optimizer. A rule is a function
``rule(t, theta, g, memory)`` on flat lists by tensor; it changes `theta` in place, and `memory` is an empty dict
before the first update. Hyperparameters are written out where they are used, as in `SETTINGS`.
"""

import math

import numpy as np

from tests.reference.problem import KINDS, SHAPES, layer_input

#: Hyperparameters under which each rule is compared; what is absent is the definition's default.
SETTINGS = {
    "sgd": {"learning_rate": 0.05, "weight_decay": 0.1},
    "heavy_ball": {"learning_rate": 0.02, "momentum": 0.8},
    "nag": {"learning_rate": 0.02, "momentum": 0.8},
    "adam": {"learning_rate": 0.01, "epsilon": 1e-3},
    "adam (ε-hat)": {"learning_rate": 0.01, "epsilon": 1e-3, "epsilon_hat": True},
    "nadamw": {"learning_rate": 0.01, "weight_decay": 0.1},
    "lion": {"learning_rate": 0.003, "weight_decay": 0.1},
    "adabelief": {"learning_rate": 0.01, "epsilon": 1e-8, "weight_decay": 0.1},
    "aida": {"learning_rate": 0.01, "weight_decay": 0.1},
    "adam_plus": {"learning_rate": 0.01, "weight_decay": 0.1},
    "ladam": {"learning_rate": 0.01, "weight_decay": 0.1},
    "ladabelief": {"learning_rate": 0.01, "weight_decay": 0.1},
    "diffgrad": {"learning_rate": 0.01, "weight_decay": 0.1},
    "hyadamc_basic": {"learning_rate": 0.01},
    "hyadamc_scale": {"learning_rate": 0.01},
    "yamadam": {"epsilon": 1e-4},
    "insgd": {"learning_rate": 0.05, "weight_decay": 0.01},
    "lars": {"learning_rate": 0.5, "trust": 0.02, "weight_decay": 0.01},
    "lamb": {"learning_rate": 0.01, "weight_decay": 0.05},
    "muon": {"learning_rate": 0.01, "weight_decay": 0.1, "adam_learning_rate": 0.004},
    "shampoo": {"learning_rate": 0.1, "refresh": 1},
    "soap": {"learning_rate": 0.01, "weight_decay": 0.1},
    "schedule_free_sgd": {"learning_rate": 0.2, "weight_decay": 0.01, "warmup": 10},
    "schedule_free_adamw": {"learning_rate": 0.02, "weight_decay": 0.1, "warmup": 10},
    "prodigy": {"weight_decay": 0.01, "d0": 1e-3},
    "adopt": {"learning_rate": 0.01, "weight_decay": 0.1},
    "adan": {"learning_rate": 0.01, "weight_decay": 0.1},
}


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def norm(values):
    return math.sqrt(sum(x * x for x in values))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def each(step):
    """Make a rule of ``step(t, x, g, memory of the element) -> x``."""

    def rule(t, theta, g, memory):
        for name, values in theta.items():
            for k in range(len(values)):
                own = memory.setdefault((name, k), {})
                values[k] = step(t, values[k], g[name][k], own)

    return rule


def each_tensor(step):
    """Make a rule of ``step(t, values, gradients, memory of the tensor) -> values``."""

    def rule(t, theta, g, memory):
        for name in theta:
            theta[name][:] = step(t, list(theta[name]), list(g[name]), memory.setdefault(name, {}))

    return rule


# Momentum


def sgd(t, x, g, s):
    return x - 0.05 * (g + 0.1 * x)


def heavy_ball(t, x, g, s):
    """Polyak 1964: x_{t+1} = x_t − lr g_t + mu (x_t − x_{t−1})."""
    previous = s.get("previous", x)
    s["previous"] = x
    return x - 0.02 * g + 0.8 * (x - previous)


def nag(t, x, g, s):
    """Velocity form with the rate inside, as in the Keras documentation."""
    s["v"] = 0.8 * s.get("v", 0.0) - 0.02 * g
    return x + 0.8 * s["v"] - 0.02 * g


def lion(t, x, g, s):
    m = s.get("m", 0.0)
    c = 0.9 * m + 0.1 * g
    x = x * (1 - 0.003 * 0.1)
    x = x - 0.003 * math.copysign(1.0, c) if c else x
    s["m"] = 0.99 * m + 0.01 * g
    return x


# Adam and its kin


def moments(s, g, b1, b2):
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    return s["m"], s["v"]


def adam(t, x, g, s):
    m, v = moments(s, g, 0.9, 0.999)
    return x - 0.01 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-3)


def adam_epsilon_hat(t, x, g, s):
    m, v = moments(s, g, 0.9, 0.999)
    return x - 0.01 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (math.sqrt(v) + 1e-3)


def nadamw(t, x, g, s):
    x = x * (1 - 0.01 * 0.1)
    m, v = moments(s, g, 0.9, 0.999)
    u = 0.9 * m + 0.1 * g
    return x - 0.01 * (u / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)


def adabelief(t, x, g, s):
    x = x * (1 - 0.01 * 0.1)
    m = s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["s"] = 0.999 * s.get("s", 0.0) + 0.001 * (g - m) ** 2 + 1e-8
    return x - 0.01 / (1 - 0.9**t) * m / (math.sqrt(s["s"]) / math.sqrt(1 - 0.999**t) + 1e-8)


def adam_plus(t, x, g, s):
    g = g + 0.1 * x
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    s["v"] = 0.999 * s.get("v", 0.0) + 0.001 * g * g + 1e-8
    return x - 0.01 / (1 - 0.9**t) * s["m"] / (math.sqrt(s["v"]) / math.sqrt(1 - 0.999**t))


def diffgrad(t, x, g, s):
    g = g + 0.1 * x
    m, v = moments(s, g, 0.9, 0.999)
    xi = sigmoid(abs(s.get("previous", 0.0) - g))
    s["previous"] = g
    return x - 0.01 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * xi * m / (math.sqrt(v) + 1e-8)


def adopt(t, x, g, s):
    g = g + 0.1 * x
    if t == 1:
        s["v"] = g * g
        return x
    limit = (t - 1) ** 0.25
    z = max(-limit, min(limit, g / max(math.sqrt(s["v"]), 1e-6)))
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * z
    s["v"] = 0.9999 * s["v"] + 0.0001 * g * g
    return x - 0.01 * s["m"]


def adan(t, x, g, s):
    change = g - s.get("previous", g)
    s["previous"] = g
    s["m"] = 0.98 * s.get("m", 0.0) + 0.02 * g
    s["q"] = 0.92 * s.get("q", 0.0) + 0.08 * change
    s["n"] = 0.99 * s.get("n", 0.0) + 0.01 * (g + 0.92 * change) ** 2
    u = s["m"] / (1 - 0.98**t) + 0.92 * s["q"] / (1 - 0.92**t)
    u = u / (math.sqrt(s["n"]) / math.sqrt(1 - 0.99**t) + 1e-8)
    return (x - 0.01 * u) / (1 + 0.01 * 0.1)


# One number a tensor


def aida(t, x, g, s):
    g = [gi + 0.1 * xi for gi, xi in zip(g, x, strict=True)]
    m = s["m"] = [0.9 * a + 0.1 * b for a, b in zip(s.get("m", [0.0] * len(x)), g, strict=True)]
    pg, pm = list(g), list(m)
    for _ in range(2):
        inner = dot(pg, pm)
        a, b = inner / (dot(pg, pg) + 1e-20), inner / (dot(pm, pm) + 1e-20)
        pg, pm = [a * y for y in pg], [b * y for y in pm]
    v = s["v"] = [
        0.999 * old + 0.001 * (p - q) ** 2 + 1e-8
        for old, p, q in zip(s.get("v", [0.0] * len(x)), pm, pg, strict=True)
    ]
    return [
        xi - 0.01 / (1 - 0.9**t) * mi / (math.sqrt(vi) / math.sqrt(1 - 0.999**t))
        for xi, mi, vi in zip(x, m, v, strict=True)
    ]


def layerwise(centered):
    def step(t, x, g, s):
        g = [gi + 0.1 * xi for gi, xi in zip(g, x, strict=True)]
        m = s["m"] = [0.9 * a + 0.1 * b for a, b in zip(s.get("m", [0.0] * len(x)), g, strict=True)]
        deviations = [gi - mi for gi, mi in zip(g, m, strict=True)] if centered else g
        s["V"] = 0.999 * s.get("V", 0.0) + 0.001 * sum(d * d for d in deviations) / len(x) + 1e-8
        return [
            xi - 0.01 / (1 - 0.9**t) * mi / (math.sqrt(s["V"]) / math.sqrt(1 - 0.999**t))
            for xi, mi in zip(x, m, strict=True)
        ]

    return step


def hyadamc(scaled):
    def step(t, x, g, s):
        d = len(x)
        m, v = s.get("m", [0.0] * d), s.get("v", [0.0] * d)
        distance = sum((gi - mi) ** 2 / (vi + 1e-8) for gi, mi, vi in zip(g, m, v, strict=True))
        nu = 1.0 * d
        w = (d + nu) / (nu + distance)
        total = s.get("W", 0.9 / (1 - 0.9))
        beta = total / (total + w)
        s["W"] = (2 - 1 / 0.9) * total + w
        m = s["m"] = [beta * mi + (1 - beta) * gi for mi, gi in zip(m, g, strict=True)]
        v = s["v"] = [0.999 * vi + 0.001 * (gi - mi) ** 2 for vi, gi, mi in zip(v, g, m, strict=True)]
        delta = [abs(p - gi) for p, gi in zip(s.get("previous", [0.0] * d), g, strict=True)]
        s["previous"] = g
        if scaled:
            mean = sum(delta) / d
            variance = sum((y - mean) ** 2 for y in delta) / (d - 1)
            xi = [sigmoid(variance * y) for y in delta]
        else:
            xi = [sigmoid(y) for y in delta]
        infinite = 2 / (1 - 0.999) - 1
        rho = infinite - 2 * t * 0.999**t / (1 - 0.999**t)
        moved = []
        for k in range(d):
            slow = m[k] * xi[k] / (1 - 0.9**t)
            if rho > 4:
                r = math.sqrt((rho - 4) * (rho - 2) * infinite / ((infinite - 4) * (infinite - 2) * rho))
                slow *= r * math.sqrt(1 - 0.999**t) / (math.sqrt(v[k]) + 1e-8)
            moved.append(x[k] - 0.01 * slow)
        return moved

    return step


def lars(t, theta, g, memory):
    for name, x in theta.items():
        v = memory.setdefault(name, [0.0] * len(x))
        is_matrix = len(SHAPES[name]) > 1
        decay = 0.01 if is_matrix else 0.0
        ratio = 0.02 * norm(x) / (norm(g[name]) + decay * norm(x)) if is_matrix else 1.0
        for k in range(len(x)):
            v[k] = 0.9 * v[k] + 0.5 * ratio * (g[name][k] + decay * x[k])
            x[k] -= v[k]


def lamb(t, theta, g, memory):
    everything = math.sqrt(sum(dot(values, values) for values in g.values()))
    for name, x in theta.items():
        u = []
        for k in range(len(x)):
            s = memory.setdefault((name, k), {})
            m, v = moments(s, g[name][k] / max(1.0, everything / 1.0), 0.9, 0.999)
            u.append((m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-6) + 0.05 * x[k])
        ratio = norm(x) / norm(u)
        for k in range(len(x)):
            x[k] -= 0.01 * ratio * u[k]


def insgd(t, theta, g, memory):
    for name, x in theta.items():
        s = memory.setdefault(name, {"b": [0.0] * len(x)})
        for k in range(len(x)):
            s["b"][k] = 0.9 * s["b"][k] + g[name][k] + 0.01 * x[k]
        shape = SHAPES[name]
        if len(shape) == 1:
            factors = [1.0] * len(x)
        else:
            batch = layer_input(name, t)
            if len(shape) == 2:
                now = [sum(dot(row, row) for row in batch) / len(batch)]
            else:
                now = [
                    sum(pixel[c] ** 2 for image in batch for row in image for pixel in row) / len(batch)
                    for c in range(shape[1])
                ]
            s["P"] = (
                [0.9 * old + 0.1 * new for old, new in zip(s["P"], now, strict=True)] if "P" in s else now
            )
            divisors = [max(math.log(p), 0.01) for p in s["P"]]
            inner = math.prod(shape[2:])
            factors = [1 / divisors[(k // inner) % shape[1] if len(shape) == 4 else 0] for k in range(len(x))]
        for k in range(len(x)):
            x[k] -= 0.05 * s["b"][k] * factors[k]


# One number for all tensors


def yamadam(t, theta, g, memory):
    eps = 1e-4
    beta, old_norm = memory.get("beta", 0.0), memory.get("norm", 0.0)
    new_norm = 0.0
    for name, x in theta.items():
        for k in range(len(x)):
            s = memory.setdefault((name, k), {"m": 0.0, "v": 0.0, "s": 0.0, "h": 0.0})
            gk = g[name][k]
            s["v"] = beta * s["v"] + (1 - beta) * (gk - s["m"]) ** 2
            s["m"] = beta * s["m"] + (1 - beta) * gk
            s["s"] = beta * s["s"] + (1 - beta) * s["h"] ** 2
            s["h"] = math.sqrt(s["s"] + eps) / math.sqrt(s["v"] + eps) * s["m"]
            new_norm += abs(s["h"])
            x[k] -= s["h"]
    memory["beta"] = sigmoid((old_norm + eps) / (new_norm + eps)) - eps
    memory["norm"] = new_norm


def prodigy(t, theta, g, memory):
    d0, b1, b2, b3 = 1e-3, 0.9, 0.999, math.sqrt(0.999)
    if t == 1:
        memory.update(d=d0, d_max=d0, num=0.0, start={name: list(x) for name, x in theta.items()})
    d = memory["d"]
    dlr = d * 1.0
    memory["num"] *= b3
    denominator = 0.0
    for name, x in theta.items():
        for k in range(len(x)):
            s = memory.setdefault((name, k), {"m": 0.0, "v": 0.0, "s": 0.0})
            gk = g[name][k]
            memory["num"] += (d / d0) * dlr * gk * (memory["start"][name][k] - x[k])
            s["m"] = b1 * s["m"] + (1 - b1) * d * gk
            s["v"] = b2 * s["v"] + (1 - b2) * d * d * gk * gk
            s["s"] = b3 * s["s"] + (d / d0) * dlr * gk
            denominator += abs(s["s"])
    d_hat = memory["num"] / denominator
    if d == d0:
        d = max(d, d_hat)
    memory["d_max"] = max(memory["d_max"], d_hat)
    d = memory["d"] = min(memory["d_max"], d * math.inf)
    for name, x in theta.items():
        for k in range(len(x)):
            s = memory[name, k]
            x[k] -= 0.01 * dlr * x[k] + dlr * s["m"] / (math.sqrt(s["v"]) + d * 1e-8)


def schedule_free(lr, decay, b2):
    def rule(t, theta, g, memory):
        if t == 1:
            memory.update(lr_max=-1.0, weight_sum=0.0)
            memory["z"] = {name: list(y) for name, y in theta.items()}
        gamma = lr * min(1.0, t / 10)
        memory["lr_max"] = max(gamma, memory["lr_max"])
        weight = memory["lr_max"] ** 2
        memory["weight_sum"] += weight
        c = weight / memory["weight_sum"]
        for name, y in theta.items():
            z = memory["z"][name]
            for k in range(len(y)):
                x = (y[k] - 0.1 * z[k]) / 0.9  # x is implicit: y = 0.9 x + 0.1 z
                step = g[name][k]
                if b2 is not None:
                    s = memory.setdefault((name, k), {"v": 0.0})
                    s["v"] = b2 * s["v"] + (1 - b2) * step * step
                    step = step / (math.sqrt(s["v"] / (1 - b2**t)) + 1e-8)
                z[k] -= gamma * (step + decay * y[k])
                x = (1 - c) * x + c * z[k]
                y[k] = 0.9 * x + 0.1 * z[k]

    return rule


# Matrices: NumPy products, roots by repeated square roots, none of the engine's helpers


def muon(t, theta, g, memory):
    for name, x in theta.items():
        if KINDS[name] != "weight":
            for k in range(len(x)):
                m, v = moments(memory.setdefault((name, k), {}), g[name][k], 0.9, 0.95)
                u = (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.95**t)) + 1e-10)
                x[k] -= 0.004 * u + 0.01 * 0.1 * x[k]
            continue
        rows = SHAPES[name][0]
        gradient = np.array(g[name]).reshape(rows, -1)
        buffer = memory[name] = 0.95 * memory.get(name, np.zeros_like(gradient)) + 0.05 * gradient
        matrix = 0.05 * gradient + 0.95 * buffer
        tall = matrix.shape[0] > matrix.shape[1]
        X = matrix.T if tall else matrix
        X = X / (np.linalg.norm(X) + 1e-7)
        for _ in range(5):
            A = X @ X.T
            X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
        X = X.T if tall else X
        X = X * math.sqrt(max(1, rows / matrix.shape[1]))
        theta[name][:] = ((1 - 0.01 * 0.1) * np.array(x) - 0.01 * X.ravel()).tolist()


def inverse_root(matrix, order):
    """matrix^(-1/order) for order 2, 4, 8, by Denman-Beavers square roots."""
    for _ in range(int(math.log2(order))):
        Y, Z = matrix.copy(), np.eye(len(matrix))
        for _ in range(60):
            Y, Z = (Y + np.linalg.inv(Z)) / 2, (Z + np.linalg.inv(Y)) / 2
        matrix = Y
    return np.linalg.inv(matrix)


def shampoo(t, theta, g, memory):
    for name, x in theta.items():
        G = np.array(g[name]).reshape(SHAPES[name])
        k = G.ndim
        if name not in memory:
            memory[name] = [1e-4 * np.eye(length) for length in G.shape]
        if k == 1:
            memory[name][0] = memory[name][0] + np.outer(G, G)
            step = inverse_root(memory[name][0], 2) @ G
        elif k == 2:
            memory[name][0] = memory[name][0] + G @ G.T
            memory[name][1] = memory[name][1] + G.T @ G
            step = inverse_root(memory[name][0], 4) @ G @ inverse_root(memory[name][1], 4)
        else:
            for axis, letters in enumerate(
                ("abcd,ebcd->ae", "abcd,aecd->be", "abcd,abed->ce", "abcd,abce->de")
            ):
                memory[name][axis] = memory[name][axis] + np.einsum(letters, G, G)
            roots = [inverse_root(matrix, 8) for matrix in memory[name]]
            step = np.einsum("abcd,ea,fb,gc,hd->efgh", G, *roots)
        theta[name][:] = (np.array(x) - 0.1 * step.ravel()).tolist()


TO = ("abcd,ae,bf,cg,dh->efgh", "ab,ac,bd->cd")
BACK = ("abcd,ea,fb,gc,hd->efgh", "ab,ca,db->cd")


def soap(t, theta, g, memory):
    lr, decay, b1, b2 = 0.01, 0.1, 0.95, 0.95
    for name, x in theta.items():
        G = np.array(g[name]).reshape(SHAPES[name])
        s = memory.setdefault(name, {"m": np.zeros_like(G), "v": np.zeros_like(G)})
        form = 0 if G.ndim == 4 else 1
        turn = (lambda A: A) if G.ndim == 1 else (lambda A: np.einsum(TO[form], A, *s["Q"]))  # noqa: B023
        back = (lambda A: A) if G.ndim == 1 else (lambda A: np.einsum(BACK[form], A, *s["Q"]))  # noqa: B023

        def gather(G=G, s=s):
            for axis in range(G.ndim):
                unfolded = np.moveaxis(G, axis, 0).reshape(G.shape[axis], -1)
                s["L"][axis] = b2 * s["L"][axis] + (1 - b2) * unfolded @ unfolded.T

        if t == 1:
            if G.ndim > 1:
                s["L"] = [np.zeros((length, length)) for length in G.shape]
                gather()
                s["Q"] = [np.linalg.eigh(L)[1][:, ::-1] for L in s["L"]]
            continue
        n = t - 1
        s["m"] = b1 * s["m"] + (1 - b1) * turn(G)  # kept in the turned basis, as the authors do
        s["v"] = b2 * s["v"] + (1 - b2) * turn(G) ** 2
        step = back(s["m"] / (np.sqrt(s["v"]) + 1e-8)) * math.sqrt(1 - b2**n) / (1 - b1**n)
        moved = np.array(x) - lr * step.ravel()
        theta[name][:] = (moved - lr * decay * moved).tolist()
        if G.ndim > 1:
            m = back(s["m"])
            gather()
            if n % 10 == 0:
                for axis in range(G.ndim):
                    Q, L = s["Q"][axis], s["L"][axis]
                    order = np.argsort(-np.diag(Q.T @ L @ Q))
                    s["v"] = np.take(s["v"], order, axis=axis)
                    s["Q"][axis] = np.linalg.qr(L @ Q[:, order])[0]
            s["m"] = turn(m)


RULES = {
    "sgd": each(sgd),
    "heavy_ball": each(heavy_ball),
    "nag": each(nag),
    "adam": each(adam),
    "adam (ε-hat)": each(adam_epsilon_hat),
    "nadamw": each(nadamw),
    "lion": each(lion),
    "adabelief": each(adabelief),
    "aida": each_tensor(aida),
    "adam_plus": each(adam_plus),
    "ladam": each_tensor(layerwise(centered=False)),
    "ladabelief": each_tensor(layerwise(centered=True)),
    "diffgrad": each(diffgrad),
    "hyadamc_basic": each_tensor(hyadamc(scaled=False)),
    "hyadamc_scale": each_tensor(hyadamc(scaled=True)),
    "yamadam": yamadam,
    "insgd": insgd,
    "lars": lars,
    "lamb": lamb,
    "muon": muon,
    "shampoo": shampoo,
    "soap": soap,
    "schedule_free_sgd": schedule_free(0.2, 0.01, None),
    "schedule_free_adamw": schedule_free(0.02, 0.1, 0.999),
    "prodigy": prodigy,
    "adopt": each(adopt),
    "adan": each(adan),
}
