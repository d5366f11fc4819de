# SPDX-License-Identifier: GPL-2.0-or-later
"""What a step asks of Snakemake and of Slurm."""


def thread_count(plan, kind):
    """Cores that a job takes of this machine."""
    resources = plan.resources(kind)
    return resources["threads"] * resources["cores"]


def slurm_resources(plan, kind):
    """Resources of a rule in the names of snakemake-executor-plugin-slurm."""
    resources = plan.resources(kind)
    slurm = resources["slurm"]
    found = {"cpus_per_task": resources["threads"]}
    if resources["cores"] > 1:  # the step starts its own srun or mpirun in the job
        found |= {"mpi": resources["launcher"] or "mpirun", "tasks": resources["cores"]}
    if resources.get("nodes", 1) > 1:
        found["nodes"] = resources["nodes"]
    if resources.get("gpus"):
        found["gpu"] = resources["gpus"]
    if resources.get("memory"):
        megabytes = int(1000 * resources["memory"])
        found["mem_mb"] = lambda wildcards, attempt: megabytes * attempt
    if resources.get("minutes"):
        found["runtime"] = resources["minutes"]
    for key in ("partition", "account", "extra"):
        if key in slurm:
            found[f"slurm_{key}"] = slurm[key]
    return found | {key: slurm[key] for key in ("qos", "constraint") if key in slurm}
