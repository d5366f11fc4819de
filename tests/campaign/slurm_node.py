# SPDX-License-Identifier: GPL-2.0-or-later
"""A Slurm of one node, started by hand on this machine with everything in one folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = """\
ClusterName=trial
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
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
SlurmdTimeout=60
SlurmdParameters=config_overrides
MinJobAge=3600
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")


def why_not():
    """Why no Slurm can be started here, or an empty text."""
    search = os.environ["PATH"] + ":/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=search) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)"
    return "" if os.getuid() == 0 else "a node of Slurm needs root"


class SlurmNode:
    def __init__(self, folder):
        self.folder = Path(folder)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.conf = self.folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.conf)}

    def start(self):
        """Starts munge, controller and node, and waits until a job can run."""
        self.folder.chmod(0o755)
        self.conf.write_text(
            CONFIGURATION.format(
                host=socket.gethostname().split(".")[0],
                folder=self.folder,
                controller_port=free_port(),
                node_port=free_port(),
                cores=os.cpu_count(),
                memory=max(2000, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21),
            )
        )
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        names = {"key-file": "munge.key", "socket": "munge.socket", "pid-file": "munged.pid"}
        names |= {"log-file": "munged.log", "seed-file": "munge.seed"}
        flags = [f"--{flag}={self.folder / name}" for flag, name in names.items()]
        self.call("munged", "--force", "--num-threads=2", *flags)
        self.start_controller()
        self.call("slurmd", "-f", self.conf)
        self.wait_for("idle")

    def start_controller(self):
        self.call("slurmctld", "-f", self.conf)

    def stop_controller(self, number=signal.SIGKILL):
        self.end("slurmctld", number)

    def stop(self):
        self.call("scancel", "--user=root", check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            self.end(name, signal.SIGTERM)

    def end(self, name, number):
        """Ends one of the daemons by the process id that it wrote."""
        path = self.folder / f"{name}.pid"
        try:
            pid = int(path.read_text())
            os.kill(pid, number)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return
        end = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
            time.sleep(0.1)

    def call(self, *command, check=True):
        search = os.environ["PATH"] + ":/usr/sbin:/sbin"
        environment = {**os.environ, **self.environment, "PATH": search}
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
        """Rows (job, state, name) of all jobs, ended ones too."""
        text = self.call("squeue", "--states=all", "--array", "-h", "-o", "%i|%T|%Z", check=False)
        return [line.split("|") for line in text.splitlines()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
