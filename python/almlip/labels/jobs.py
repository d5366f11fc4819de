# SPDX-License-Identifier: GPL-2.0-or-later
"""Structures at work, each in a process of its own."""

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import wait

from ..frames import BadInput
from ..processes import describe_exit, die_with_parent, one_line
from .labeller import ABOUT_FRAME, PASSING, Rejected

POLL = 1.0  # seconds between two looks at structures that other processes compute
GRACE = 5.0  # seconds to end in good order, in which launchers end what they have started


def compute_all(labeller, todo, store, is_done):
    """Computes {key: system}, `workers` at a time; yields each key when there is a result.

    A key that another process works on is waited for, and taken over should that one fall silent.
    is_done   function of (key, result): need an earlier result not be computed again?
    """
    waiting, jobs = list(todo), []
    try:
        while waiting or jobs:
            free = labeller.settings["workers"] - len(jobs)
            for key in list(waiting) if free else []:
                if free and (
                    lease := store.claim(key, lambda result, key=key: is_done(key, result))
                ):
                    jobs.append(Job(labeller, todo[key], lease))
                    free -= 1
                elif not store.done(key, lambda result, key=key: is_done(key, result)):
                    continue
                else:
                    yield key
                waiting.remove(key)
            wait_for_any(jobs)
            for job in [job for job in jobs if job.finished()]:
                jobs.remove(job)
                yield job.lease.key
    finally:
        for job in jobs:
            job.stop()
            job.lease.release()


def wait_for_any(jobs):
    """Until a job has ended or reached its limit, or it is time to look again."""
    left = min((job.deadline for job in jobs), default=time.monotonic() + POLL) - time.monotonic()
    if jobs:
        signs = [sign for job in jobs for sign in (job.process.sentinel, job.answer)]
        wait(signs, timeout=max(0.0, min(left, POLL)))
    else:
        time.sleep(0.1)
    for job in jobs:
        job.lease.keep_alive()


class Job:
    """One structure in a process of its own, in its own process group and folder.

    The process keeps a crash inside one structure and lets any calculator be stopped in time. A
    program that was killed from outside is started once more.
    """

    context = multiprocessing.get_context("fork")

    def __init__(self, labeller, system, lease):
        self.labeller, self.system, self.lease = labeller, system, lease
        self.begin = time.monotonic()
        self.deadline = self.begin + labeller.settings["timeout"]
        self.tries = 0
        self.start()

    def start(self):
        self.tries += 1
        self.driver = os.getpid()
        self.answer, theirs = self.context.Pipe(duplex=False)
        self.process = self.context.Process(target=self.work, args=(theirs,))
        self.process.start()
        theirs.close()
        try:  # both sides set the group, so that it exists whoever comes first
            os.setpgid(self.process.pid, self.process.pid)
        except OSError:
            pass

    def work(self, answer):
        """In the process: computes and answers with a result."""
        os.setpgid(0, 0)
        die_with_parent(self.driver)
        # its program is told to end before it is, and gets the default action back by exec
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            result = {"verdict": "ok", "reason": ""}
            result |= self.labeller.label(self.system, self.lease.work)
        except Rejected as rejection:
            result = {"verdict": rejection.verdict, "reason": rejection.reason}
        except BadInput as error:
            result = {"verdict": "crashed", "reason": one_line(str(error))}
        except Exception as error:  # noqa: BLE001  (whatever it is, the other structures go on)
            result = {"verdict": "crashed", "reason": one_line(f"{type(error).__name__}: {error}")}
        # without what differs between structures, so that reasons can be counted
        result["reason"] = result["reason"].replace(f"{self.lease.work}/", "")
        answer.send(result)

    def finished(self):
        """True once there is a result of the process, or it was stopped at its limit."""
        late = time.monotonic() >= self.deadline
        result = self.received()
        if result is None and self.process.is_alive() and not late:
            return False
        self.stop()
        result = result or (None if late else self.received()) or self.without_answer(late)
        if result["verdict"] == "killed" and self.tries < 2:
            self.start()
            return False
        result["seconds"] = round(time.monotonic() - self.begin, 3)
        if is_about_run(result):
            result["started_as"] = self.labeller.started_as()
        self.lease.publish(result)
        return True

    def received(self):
        try:
            return self.answer.recv() if self.answer.poll() else None
        except EOFError:
            return None

    def without_answer(self, late):
        if late:
            reason = f"not done after {self.labeller.settings['timeout']:g} s"
            return {"verdict": "timeout", "reason": reason}
        status = self.process.exitcode
        killed = status == -signal.SIGKILL
        verdict = "killed" if killed else "crashed"
        return {"verdict": verdict, "reason": f"the worker {describe_exit(status)}"}

    def stop(self):
        """Ends the process and everything it started."""
        if self.process.is_alive():
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.join(GRACE)
        if self.process.is_alive():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()


def is_about_run(result):
    """Whether it is a failure that may be due to the program and its start instead of the structure."""
    return result["verdict"] not in ("ok", *ABOUT_FRAME)


def is_kept(result, labeller):
    """False for what may end otherwise today: verdicts of the day, failures of programs started otherwise."""
    same = result.get("started_as", {}) == labeller.started_as()
    return result["verdict"] not in PASSING and (same or not is_about_run(result))
