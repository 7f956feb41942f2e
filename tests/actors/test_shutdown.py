"""How systems, hosts and whole programs end, and what a broken actor cannot do."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import threading

import pykka
import pytest

from duologue.actors import ActorSystem, AsyncActor, AsyncFuture
from duologue.errors import (
    MessageCancelledError,
    SystemClosedError,
    SystemOpenError,
)
from tests.actors.conftest import Recorder


class Hanging(Recorder):
    async def on_receive(self, message: object) -> None:
        self.log.append(message)
        await asyncio.Event().wait()


class Deaf(AsyncActor):
    """Takes no notice of the first cancellation."""

    async def on_receive(self, message: object) -> None:
        del message
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()


async def test_a_system_that_drains_in_time_leaves_nothing_unfinished() -> None:
    async with ActorSystem() as system:
        system.start(Recorder).tell("hello")

        before = system.unfinished

    assert before == system.unfinished == ()


async def test_what_did_not_finish_is_reported() -> None:
    async with ActorSystem(drain=2) as system:
        system.start(Recorder)
        hanging = system.start(Hanging)
        for number in range(4):
            hanging.tell(number)

    idle, cut_off = system.unfinished
    assert idle.actor.startswith("Recorder")
    assert (idle.waiting, idle.was_running) == (0, False)
    assert cut_off.actor.startswith("Hanging")
    # Three messages, and the request to stop.
    assert (cut_off.waiting, cut_off.was_running) == (4, True)


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.real_time
async def test_who_waits_for_actors_to_settle_is_not_left_waiting(hosts: int) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with ActorSystem(hosts=hosts, drain=0.01) as system:
            for _ in range(hosts):
                system.start(Deaf).tell("hello")
            waiting = tasks.create_task(system.settled())
            await asyncio.sleep(0)

        async with asyncio.timeout(20):
            await waiting


async def test_a_system_can_be_opened_again_and_reports_anew() -> None:
    system = ActorSystem(drain=1)
    async with system:
        system.start(Hanging).tell("hello")
    first = system.unfinished

    async with system:
        answer = await system.start(Recorder).ask("again", block=False)

    assert len(first) == 1
    assert answer == "again"
    assert system.unfinished == ()


async def test_an_open_system_cannot_be_opened_again() -> None:
    async with ActorSystem() as system:
        ref = system.start(Recorder)

        with pytest.raises(SystemOpenError, match="of its own"):
            await system.__aenter__()

        assert await ref.ask("still here", block=False) == "still here"
    assert not ref.is_alive()


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.real_time
async def test_a_system_that_is_cancelled_while_it_closes_still_closes(
    hosts: int,
) -> None:
    class Cleaning(AsyncActor):
        async def on_receive(self, message: asyncio.Event | None) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                if message is not None:
                    message.set()
                await asyncio.sleep(0.1)

    async def run() -> None:
        async with system:
            refs.extend(system.start(Cleaning) for _ in range(hosts))
            for ref in refs:
                ref.tell(closing if ref is refs[0] else None)

    refs: list[pykka.ActorRef[Cleaning]] = []
    closing = asyncio.Event()
    system = ActorSystem(hosts=hosts, drain=0.01)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run())

        await closing.wait()
        running.cancel()

    assert running.cancelled()

    assert not any(ref.is_alive() for ref in refs)
    assert [left.was_running for left in system.unfinished] == [True] * hosts
    assert not any(
        thread.name.startswith("duologue-host-") for thread in threading.enumerate()
    )
    with pytest.raises(SystemClosedError):
        system.start(Recorder)


async def test_what_begins_while_others_are_cut_off_is_cancelled_too() -> None:
    class Telling(AsyncActor):
        async def on_receive(self, message: object) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                answers.append(other.ask(message, block=False))
                await asyncio.sleep(0.5)

    answers: list[AsyncFuture[object]] = []
    log: list[object] = []
    async with ActorSystem(drain=1) as system:
        other = system.start(Hanging, log)
        system.start(Telling).tell("hello")

    assert log == ["hello"]
    with pytest.raises(MessageCancelledError):
        await answers[0]


async def test_a_broken_actor_does_not_end_the_turns_of_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Nameless(AsyncActor):
        """Breaks the log that would name it."""

        def __str__(self) -> str:
            raise ValueError("no name")

        def on_receive(self, message: object) -> None:
            raise KeyError(message)

    log: list[object] = []
    async with ActorSystem() as system:
        before, broken = system.start(Recorder, log), system.start(Nameless)
        after = system.start(Recorder, log)

        for ref in (before, broken, after):
            ref.tell("hello")
        await system.settled()

        assert log == ["hello", "hello"]
        assert not broken.is_alive()
        assert broken not in pykka.ActorRegistry.get_all()
        assert await after.ask("still here", block=False) == "still here"
    assert "Nameless" in caplog.text


async def test_a_broken_coroutine_does_not_end_the_turns_of_the_others() -> None:
    class Nameless(AsyncActor):
        def __str__(self) -> str:
            raise ValueError("no name")

        async def on_receive(self, message: object) -> None:
            await asyncio.sleep(1)
            raise KeyError(message)

    async with ActorSystem() as system:
        broken, other = system.start(Nameless), system.start(Recorder)
        broken.tell("hello")
        behind = broken.ask("behind", block=False)
        await system.settled()

        with pytest.raises(pykka.ActorDeadError):
            await behind
        assert not broken.is_alive()
        assert await other.ask("still here", block=False) == "still here"


async def test_activations_without_end_do_not_starve_the_actors() -> None:
    class Endless(AsyncActor):
        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = int(key)
            sum(range(50_000))
            if self.key < 300:
                system.directory.ref(Endless, str(self.key + 1)).tell("wake")

        def on_receive(self, message: object) -> None:
            del message
            log.append(self.key)

    log: list[object] = []
    async with ActorSystem() as system:
        system.directory.register(Endless, Endless)
        for number in range(-100, 0):
            system.directory.ref(Endless, str(number)).tell("wake")
        recorder = system.start(Recorder, log)

        await recorder.ask("me too", block=False)

        assert len(system.directory) < 400
    assert log.index("me too") < 200


def _program(
    source: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(
        """
        import asyncio, atexit, os, signal, sys, threading, time
        import pykka
        from duologue.actors import ActorSystem, AsyncActor


        class Echo(AsyncActor):
            def on_receive(self, message):
                return message

            def on_stop(self):
                print("stopped", flush=True)


        class Daemon(Echo):
            use_daemon_thread = True


        class Hanging(AsyncActor):
            use_daemon_thread = True

            async def on_receive(self, message):
                await asyncio.Event().wait()


        class Slow(Echo):
            async def on_stop(self):
                await asyncio.sleep(0.05)
                super().on_stop()


        class AfterMain(Echo):
            def on_receive(self, message):
                threading.main_thread().join()
                print(message, flush=True)
                self.stop()

        """
    ) + textwrap.dedent(source)
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "default", *arguments, "-c", code],
        capture_output=True,
        env=env,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("source", "output"),
    [
        pytest.param('print(Daemon.start().ask("hello"))', "hello\n", id="daemon"),
        ('Hanging.start().ask("hello", block=False)', ""),
        ('Hanging.start().tell("hello"); time.sleep(0.05)', ""),
        ('ref = Daemon.start()\nfor number in range(100_000): ref.tell("x")', ""),
        ("Echo.start()\npykka.ActorRegistry.stop_all()", "stopped\n"),
        ("Echo.start()\npykka.ActorRegistry.stop_all(block=False)", "stopped\n"),
        ("Slow.start().stop(block=False)", "stopped\n"),
        ("atexit.register(pykka.ActorRegistry.stop_all)\nDaemon.start()", "stopped\n"),
        ("Daemon.start()\natexit.register(pykka.ActorRegistry.stop_all)", "stopped\n"),
        (
            """
            try:
                Echo.start()
                sys.exit()
            finally:
                pykka.ActorRegistry.stop_all()
            """,
            "stopped\n",
        ),
        (
            """
            Echo.start()
            stop_all = pykka.ActorRegistry.stop_all
            threading.Timer(0.05, stop_all).start()
            """,
            "stopped\n",
        ),
    ],
)
def test_a_program_with_actors_on_the_default_host_ends_in_silence(
    source: str, output: str
) -> None:
    ended = _program(source)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, output, "")


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ('AfterMain.start().tell("on")', "on\nstopped\n"),
        ('AfterMain.start().tell("on"); Hanging.start().tell("x")', "on\nstopped\n"),
        # Whoever starts an actor in its last words keeps the program going as well.
        (
            """
            class Parent(AfterMain):
                def on_stop(self):
                    AfterMain.start().tell("and on")

            Parent.start().tell("on")
            """,
            "on\nand on\nstopped\n",
        ),
        # The main thread has ended, and no actor lives when one is started.
        pytest.param(
            """
            def late():
                threading.main_thread().join()
                Echo.start().stop()
                time.sleep(0.05)
                AfterMain.start().tell("on")

            threading.Thread(target=late).start()
            """,
            "stopped\non\nstopped\n",
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 12),
                reason="from 3.12 on no thread starts after the main one has ended",
            ),
        ),
    ],
)
def test_a_program_goes_on_until_the_actors_on_its_default_host_have_stopped(
    source: str, output: str
) -> None:
    ended = _program(source)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, output, "")


@pytest.mark.parametrize(
    "breaks", ["main.join(); loop.stop()", "loop.stop(); main.join()"]
)
def test_a_program_whose_default_host_breaks_ends(breaks: str) -> None:
    ended = _program(
        f"""
        class Breaking(Echo):
            def on_receive(self, message):
                main, loop = threading.main_thread(), asyncio.get_running_loop()
                {breaks}

        Echo.start()
        Breaking.start().tell("hello")
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_program_ends_that_looks_for_its_actors_while_their_loop_closes() -> None:
    ended = _program(
        """
        closing, called = threading.Event(), threading.Event()

        class Breaking(Echo):
            def on_receive(self, message):
                loop = asyncio.get_running_loop()
                close, call = loop.close, loop.call_soon_threadsafe

                def close_late():
                    closing.set()
                    called.wait()
                    close()

                def call_and_tell(*args, **options):
                    call(*args, **options)
                    called.set()

                loop.close, loop.call_soon_threadsafe = close_late, call_and_tell
                loop.stop()

        Echo.start()
        Breaking.start().tell("hello")
        closing.wait()
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_program_ends_whose_default_host_breaks_while_two_wait_for_its_actors() -> (
    None
):
    ended = _program(
        """
        class Breaking(Echo):
            looks = 0

            @property
            def use_daemon_thread(self):
                # Read while the host looks whom to wait for.
                if not threading.main_thread().is_alive():
                    self.looks += 1
                    if self.looks == 1:
                        starting = threading.Thread(target=Echo.start)
                        starting.start()
                        starting.join()
                        self.actor_ref.tell("break")
                return False

            def on_receive(self, message):
                asyncio.get_running_loop().stop()

        Breaking.start()
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "")


def test_a_program_ends_although_an_actor_cannot_say_whether_it_keeps_it_going() -> (
    None
):
    ended = _program(
        """
        class Silent(Echo):
            @property
            def use_daemon_thread(self):
                if threading.main_thread().is_alive():
                    return False
                raise LookupError("says nothing")

        Silent.start()
        """
    )

    assert (ended.returncode, ended.stdout) == (0, "")
    assert "LookupError: says nothing" in ended.stderr


@pytest.mark.parametrize("is_atexit", [False, True])
def test_ctrl_c_ends_a_program_that_only_its_actors_keep_going_as_in_pykka(
    is_atexit: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    stop_all = "atexit.register(pykka.ActorRegistry.stop_all)" if is_atexit else ""
    source = f"""
    def interrupt(*_):
        seen.set()
        raise KeyboardInterrupt

    class Interrupting(Base):
        def on_receive(self, message):
            threading.main_thread().join()
            # One that comes before Python waits for its threads is not seen.
            while not seen.wait(0.1):
                os.kill(os.getpid(), signal.SIGINT)

        def on_stop(self):
            print("stopped", flush=True)

    seen = threading.Event()
    signal.signal(signal.SIGINT, interrupt)
    Interrupting.start().tell("hello")
    {stop_all}
    """

    ours, theirs = (
        _program(f"Base = {base}\n" + textwrap.dedent(source))
        for base in ("AsyncActor", "pykka.ThreadingActor")
    )

    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout == ("stopped\n" if is_atexit else "")
    assert ours.stderr.splitlines()[-1] == theirs.stderr.splitlines()[-1]


def test_a_finaliser_tells_actors_wherever_the_collector_runs_it() -> None:
    ended = _program(
        """
        import gc

        class Leaving:
            def __init__(self, ref):
                self.itself, self.ref = self, ref

            def __del__(self):
                self.ref.tell("leaving")

        class Guestbook(Daemon):
            def on_receive(self, message):
                self.message = message

            def read(self):
                return self.message

            def on_stop(self):
                pass

        for number in range(500):
            book, other = Guestbook.start(), Guestbook.start()
            gc.disable()
            gc.collect(0)
            gc.set_threshold(1 + number % 7)
            Leaving(book)
            gc.enable()
            if number % 2:
                other.tell("hello")
            else:
                other.actor_stopped.wait(0)
            gc.collect()
            assert book.proxy().read().get(timeout=20) == "leaving"
            book.stop(), other.stop()
        print("done", flush=True)
        """
    )

    assert (ended.stdout, ended.stderr) == ("done\n", "")


async def test_a_ref_of_a_closed_system_says_that_its_actor_is_dead() -> None:
    async with ActorSystem() as system:
        ref = system.start(Recorder)
        refused = system

    with pytest.raises(pykka.ActorDeadError):
        ref.tell("hello")
    with pytest.raises(SystemClosedError):
        refused.start(Recorder)


def test_the_default_host_takes_over_when_the_system_has_closed() -> None:
    async def main() -> int:
        async with ActorSystem():
            where: int = await Where.start().ask("where?", block=False)
            return where

    before = Where.start().ask("where?", timeout=20)
    inside = asyncio.run(main())
    after = Where.start().ask("where?", timeout=20)
    pykka.ActorRegistry.stop_all(timeout=20)

    assert inside == threading.get_ident()
    assert before == after != inside


class Where(AsyncActor):
    def on_receive(self, message: object) -> int:
        del message
        return threading.get_ident()


async def test_who_asks_in_the_last_moment_is_answered() -> None:
    answers: list[AsyncFuture[object]] = []

    class Crowd(AsyncActor):
        """Has somebody begin something at every moment."""

        def on_receive(self, message: object) -> None:
            answers.append(Hanging.start().ask(message, block=False))
            self.actor_ref.tell(message)

    async with ActorSystem(drain=0) as system:
        system.start(Crowd).tell("more")
        for _ in range(5):
            await asyncio.sleep(0)

    assert answers
    for answer in answers:
        with pytest.raises((pykka.ActorDeadError, MessageCancelledError)):
            await asyncio.wait_for(answer, 1)
