"""The exit status of a command, and the one sentence a user reads."""

import pytest

from torchbasics.command.errors import UserError, command


def status(exception):
    @command
    def main(argv=None):
        raise exception

    return main([])


@pytest.mark.parametrize(
    ("exception", "wanted"),
    [
        (UserError("lr = -1: it must be greater than 0"), 2),
        (SystemExit(2), 2),
        (SystemExit(0), 0),
        (SystemExit(None), 0),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_way_to_leave_has_its_status(exception, wanted):
    assert status(exception) == wanted


def test_a_users_mistake_is_one_line_on_stderr(capsys):
    status(UserError("no such run"))
    assert capsys.readouterr() == ("", "error: no such run\n")


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        status(ZeroDivisionError())
