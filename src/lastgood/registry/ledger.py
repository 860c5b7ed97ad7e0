"""The ledger of a registry, as programs ask for it: `registry.ledger` of `lastgood.open`.

with lastgood.open(folder) as registry:
    registry.ledger.checkpoint()          # to be kept elsewhere
    registry.ledger.prove(17).proof
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastgood.registry.context import Context

if TYPE_CHECKING:
    from lastgood.ledger.notes import VerifierKey
    from lastgood.model.history import ReleaseRecord
    from lastgood.registry.ledger_proofs import ConsistencyProof, InclusionProof, LedgerState
    from lastgood.registry.signing import Signature


class Ledger:
    """What is signed, proofs of it, and keys; each verb is imported when it is first called."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def state(self) -> LedgerState:
        """Return what is known of the ledger as a whole."""
        from lastgood.registry.ledger_proofs import ledger_state  # noqa: PLC0415

        return ledger_state(self._context)

    def checkpoint(self) -> bytes:
        """Return the newest signed note, to be kept elsewhere.

        Raises:
            NotFound: nothing was signed yet.
        """
        from lastgood.registry.ledger_proofs import newest_checkpoint  # noqa: PLC0415

        return newest_checkpoint(self._context)

    def prove(self, event: int) -> InclusionProof:
        """Prove that an event is in the newest signed history.

        Raises:
            NotFound: there is no such event there.
        """
        from lastgood.registry.ledger_proofs import prove_inclusion  # noqa: PLC0415

        return prove_inclusion(self._context, event)

    def prove_since(self, size: int) -> ConsistencyProof:
        """Prove that the history as it was at a size is a beginning of the newest signed one.

        Raises:
            Invalid: the size is not positive, or larger than what is signed.
        """
        from lastgood.registry.ledger_proofs import prove_consistency  # noqa: PLC0415

        return prove_consistency(self._context, size)

    def set_key(
        self, reason: str, *, is_lost: bool = False, command: tuple[str, ...] | None = None, key: VerifierKey | None = None
    ) -> VerifierKey:
        """Let another key sign from now on (`registry.ledger_keys`)."""
        from lastgood.registry.ledger_keys import set_key  # noqa: PLC0415

        return set_key(self._context, reason, is_lost=is_lost, command=command, key=key)

    def trust(self, key_id: str) -> VerifierKey:
        """Confirm, for this user's machine, a key that came without the consent of the one before."""
        from lastgood.registry.ledger_keys import trust_key  # noqa: PLC0415

        return trust_key(self._context, key_id)

    def sign(self, release: ReleaseRecord) -> Signature:
        """Sign a release with the key that signs the history; one that it signed already is left as it is.

        Raises:
            Integrity, NotFound, NotAllowed, Unavailable: the key cannot be used, or a listing not be read.
        """
        from lastgood.registry.signing import sign_release  # noqa: PLC0415

        return sign_release(self._context, release)

    def accept(self) -> LedgerState:
        """Say, for this user's machine, that the history which is there now is the right one, whatever was seen before."""
        from lastgood.registry.ledger_proofs import accept_history  # noqa: PLC0415

        return accept_history(self._context)

    def set_witness(self, command: tuple[str, ...] | None) -> None:
        """Say which command of this host is told of each new checkpoint; None for none."""
        from lastgood.registry.ledger_proofs import set_witness  # noqa: PLC0415

        set_witness(self._context, command)
