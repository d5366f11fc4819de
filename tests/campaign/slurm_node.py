# SPDX-License-Identifier: GPL-2.0-or-later
"""A Slurm of one node, started by hand on this machine with everything in one folder.

Its daemons are children of this process and end with it, however it ends.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

from almlip.processes import die_with_parent

CONFIGURATION = """\
ClusterName=trial
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=5
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=300
SlurmdParameters=config_overrides
MinJobAge=3600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=12000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
SEARCH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def why_not():
    """Why no Slurm can be started here, or an empty text."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)"
    return "" if os.getuid() == 0 else "a node of Slurm needs root"


class SlurmNode:
    def __init__(self, folder):
        self.folder = Path(folder)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.host = socket.gethostname().split(".")[0]
        self.conf = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.conf)}
        self.daemons = {}

    def start(self):
        """Starts munge, controller and node, and waits until a job can run."""
        self.folder.chmod(0o755)
        self.conf.write_text(
            CONFIGURATION.format(
                host=self.host,
                folder=self.folder,
                controller_port=free_port(),
                node_port=free_port(),
            )
        )
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        names = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
        names |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        flags = [f"--{flag}={self.folder / name}" for flag, name in names.items()]
        self.start_daemon("munged", "--force", "--foreground", "--num-threads=2", *flags)
        while not (self.folder / "munge.socket").exists():
            time.sleep(0.1)
        self.start_controller()
        self.start_node()
        self.wait_for("idle")

    def start_controller(self):
        self.start_daemon("slurmctld", "-D", "-f", self.conf)

    def start_node(self):
        self.start_daemon("slurmd", "-D", "-f", self.conf)

    def start_daemon(self, name, *flags):
        with open(self.folder / f"{name}.out", "a") as output:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name, path=SEARCH), *(str(flag) for flag in flags)],
                env={**os.environ, **self.environment, "PATH": SEARCH},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509
            )

    def end_daemon(self, name, number=signal.SIGKILL):
        daemon = self.daemons.pop(name, None)
        if daemon:
            daemon.send_signal(number)
            daemon.wait()

    def fail(self):
        """The node dies with all that runs on it; the controller notices, and it comes back."""
        self.end_daemon("slurmd")
        self.kill_jobs()
        self.call("scontrol", "update", f"NodeName={self.host}", "State=DOWN", "Reason=test")
        self.start_node()
        self.call("scontrol", "update", f"NodeName={self.host}", "State=RESUME")
        self.wait_for("idle")

    def put_right(self):
        """What an administrator does where the controller died before it had saved that a job runs: it
        sends the job once more, and drains the node that has it already."""
        if "drain" in self.call("sinfo", "--noheader", "--format=%T", check=False):
            self.call("scontrol", "update", f"NodeName={self.host}", "State=RESUME")
            held = self.call("squeue", "--noheader", "--states=PENDING", "--format=%A")
            for job in set(held.split()):
                self.call("scontrol", "release", job, check=False)

    def kill_jobs(self):
        for pid in descendants([p for p in processes() if self.is_own_step(p)]):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def is_own_step(self, pid):
        """Whether it is the process of a job step of this Slurm, under which its programs run."""
        try:
            name = Path(f"/proc/{pid}/comm").read_text().strip()
            return name == "slurmstepd" and str(self.conf) in Path(
                f"/proc/{pid}/environ"
            ).read_bytes().decode(errors="replace")
        except OSError:
            return False

    def stop(self):
        self.call("scancel", "--user=root", check=False)
        self.end_daemon("slurmd", signal.SIGTERM)
        self.kill_jobs()
        self.end_daemon("slurmctld", signal.SIGTERM)
        self.end_daemon("munged", signal.SIGTERM)

    def call(self, *command, check=True):
        environment = {**os.environ, **self.environment, "PATH": SEARCH}
        done = subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def wait_for(self, state):
        end = time.monotonic() + 120
        while self.call("sinfo", "-h", "-o", "%T", check=False).strip() != state:
            assert time.monotonic() < end, (self.folder / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.3)

    def jobs(self):
        """Rows (job, state) of all jobs, ended ones too."""
        text = self.call("squeue", "--states=all", "--array", "-h", "-o", "%i|%T", check=False)
        return [line.split("|") for line in text.splitlines()]


def processes():
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def descendants(pids):
    """The processes and all below them."""
    children = {}
    for pid in processes():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(pid)
    found, todo = [], list(pids)
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
