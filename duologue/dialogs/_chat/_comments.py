"""What happened below the posts of a channel.

A comment is not a message of its channel: what is sent there becomes a post that every
reader sees. So these updates cannot be answered as messages can.
"""

from __future__ import annotations

from dataclasses import dataclass

from duologue.dialogs._chat._chat import Attachment
from duologue.dialogs._chat._message import Message
from duologue.dialogs._chat._ports import Update


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentCreated(Update):
    """Somebody commented on a post.

    Attributes:
        post_id: The message that is the post.
        message: The comment; answering it raises, since that would be a post.
    """

    post_id: str
    message: Message

    @property
    def text(self) -> str:
        """The text of the comment."""
        return self.message.text

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files, pictures and all else that the comment holds."""
        return self.message.attachments


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEdited(Update):
    """Somebody changed a comment.

    Attributes:
        post_id: The message that is the post.
        message: The comment as it is now.
    """

    post_id: str
    message: Message

    @property
    def text(self) -> str:
        """The new text of the comment."""
        return self.message.text


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentRemoved(Update):
    """A comment was deleted.

    Attributes:
        post_id: The message that is the post; None if the messenger does not name it.
        message_id: The comment.
    """

    post_id: str | None
    message_id: str
