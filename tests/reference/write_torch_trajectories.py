"""Write the trajectories of PyTorch's own optimizers on the reference problem to torch_trajectories.json.

Run with PyTorch 2.13 installed: ``python -m tests.reference.write_torch_trajectories``. The tests read the file, so
that they run without PyTorch.
"""

import json
from pathlib import Path

from tests.reference.problem import N_STEPS, SHAPES, gradient, start

#: Case -> (class in torch.optim, its settings, (our name, our settings)).
CASES = {
    "sgd": ("SGD", {"lr": 0.05, "weight_decay": 0.1}, {"learning_rate": 0.05, "weight_decay": 0.1}),
    "heavy_ball": (
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1},
        {"learning_rate": 0.02, "momentum": 0.8, "weight_decay": 0.1},
    ),
    "nag": (
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        {"learning_rate": 0.02, "momentum": 0.8, "weight_decay": 0.1},
    ),
    "adagrad": ("Adagrad", {"lr": 0.1, "weight_decay": 0.1}, {"learning_rate": 0.1, "weight_decay": 0.1}),
    "adadelta": ("Adadelta", {"lr": 1.0, "weight_decay": 0.1}, {"weight_decay": 0.1}),
    "rmsprop": ("RMSprop", {"lr": 0.01, "weight_decay": 0.1}, {"weight_decay": 0.1}),
    "rmsprop (centered, momentum)": (
        "RMSprop",
        {"lr": 0.003, "alpha": 0.9, "centered": True, "momentum": 0.7, "eps": 1e-4},
        {"learning_rate": 0.003, "alpha": 0.9, "centered": True, "momentum": 0.7, "epsilon": 1e-4},
    ),
    "rprop": ("Rprop", {"lr": 0.01}, {"learning_rate": 0.01}),
    "adam": (
        "Adam",
        {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-3},
        {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": 1e-3},
    ),
    "adamw": ("AdamW", {"lr": 0.01, "weight_decay": 0.1}, {"learning_rate": 0.01, "weight_decay": 0.1}),
    "amsgrad": (
        "Adam",
        {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1},
        {"learning_rate": 0.01, "weight_decay": 0.1},
    ),
    "adamax": ("Adamax", {"lr": 0.01, "weight_decay": 0.1}, {"learning_rate": 0.01, "weight_decay": 0.1}),
    "nadam": ("NAdam", {"lr": 0.01, "weight_decay": 0.1}, {"learning_rate": 0.01, "weight_decay": 0.1}),
    "radam": ("RAdam", {"lr": 0.01, "weight_decay": 0.1}, {"learning_rate": 0.01, "weight_decay": 0.1}),
}

STEPS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 40, 60, 80, 100, N_STEPS)


def trajectory(kind, settings):
    import torch

    theta = {
        name: torch.tensor(values, dtype=torch.float64).reshape(SHAPES[name]).requires_grad_()
        for name, values in start().items()
    }
    optimizer = getattr(torch.optim, kind)(list(theta.values()), **settings)
    path = {}
    for t in range(1, N_STEPS + 1):
        flat = {name: tensor.detach().flatten().tolist() for name, tensor in theta.items()}
        for name, values in gradient(flat, t).items():
            theta[name].grad = torch.tensor(values, dtype=torch.float64).reshape(SHAPES[name])
        optimizer.step()
        if t in STEPS:
            path[str(t)] = {name: tensor.detach().flatten().tolist() for name, tensor in theta.items()}
    return path


def main():
    import torch

    content = {
        "torch": torch.__version__.partition("+")[0],
        "cases": {
            case: {"settings": ours, "path": trajectory(kind, theirs)}
            for case, (kind, theirs, ours) in CASES.items()
        },
    }
    (Path(__file__).parent / "torch_trajectories.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
