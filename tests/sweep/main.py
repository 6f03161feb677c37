# SPDX-License-Identifier: MIT
"""MLXP's tutorial with numpy in the place of torch: a small network learns what a network of five units says."""

import mlxp
import numpy as np


def random_network(rng, d_int, num_units):
    """The weights of a network with one hidden layer, as a mapping of arrays."""
    scale = 1 / np.sqrt(d_int)
    return {
        "hidden": rng.normal(0, scale, (d_int, num_units)),
        "bias": rng.normal(0, scale, num_units),
        # So large that the smaller networks overshoot at a learning rate of 10: neither rate is best for all.
        "out": rng.normal(0, 1.5, num_units),
    }


def answer(weights, points):
    """The hidden activity, of shape (n_points, num_units), and what the network says about each point."""
    hidden = np.tanh(points @ weights["hidden"] + weights["bias"])
    return hidden, hidden @ weights["out"] / len(weights["out"])


def descend(weights, points, targets, rate):
    """Take one step of gradient descent on all points at once; return the mean squared error before it."""
    hidden, said = answer(weights, points)
    error = (said - targets) / len(points)
    back = np.outer(error, weights["out"]) * (1 - hidden**2) / len(weights["out"])
    weights["out"] -= rate * (hidden.T @ error) / len(weights["out"])
    weights["hidden"] -= rate * (points.T @ back)
    weights["bias"] -= rate * back.sum(axis=0)
    return float(np.mean((said - targets) ** 2))


@mlxp.launch(config_path="configs")
def train(ctx: mlxp.Context) -> None:
    """Train and log as the tutorial does: two logs, and one checkpoint that every epoch overwrites."""
    cfg, logger = ctx.config, ctx.logger
    rng = np.random.default_rng(cfg.seed)
    teacher = random_network(rng, cfg.data.d_int, 5)
    points, unseen = rng.normal(size=(2, 200, cfg.data.d_int))
    targets, unseen_targets = answer(teacher, points)[1], answer(teacher, unseen)[1]
    weights = random_network(rng, cfg.data.d_int, cfg.model.num_units)

    for epoch in range(cfg.num_epoch):
        loss = descend(weights, points, targets, cfg.optimizer.lr)
        test_loss = float(np.mean((answer(weights, unseen)[1] - unseen_targets) ** 2))
        logger.log_metrics({"loss": loss, "epoch": epoch}, log_name="train")
        logger.log_metrics({"loss": test_loss, "epoch": epoch}, log_name="test")
        logger.log_checkpoint({"model": weights, "epoch": epoch}, log_name="last_ckpt.pkl")


if __name__ == "__main__":
    train()
