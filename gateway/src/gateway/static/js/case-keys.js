// The keys of one report, as its page names them; each is checked before it is used, and a wrong one is an alarm.

import { encode } from "./bytes.js";
import { questionOf } from "./questions.js";
import { CannotOpen } from "./sealing.js";
import { alarm, digestOf, NotVouched, replyStatement, requireGroupKey, requireReporter, requireSigned } from "./vouching.js";

export class CaseKeys {
  #municipality;
  #report;
  #reporterKey;
  #voucher;
  #group;
  #signers;
  #intake;
  #csrf;

  constructor({ municipality, report, reporterKey, voucher, key, signers, intakeKeys, csrf }) {
    this.#municipality = municipality;
    this.#report = report;
    this.#reporterKey = reporterKey;
    this.#voucher = JSON.parse(voucher);
    this.#group = JSON.parse(key);
    this.#signers = JSON.parse(signers);
    this.#intake = JSON.parse(intakeKeys);
    this.#csrf = csrf;
  }

  /** The reporter's key, to which a question is sealed; throws `NotVouched`. */
  reporter() {
    return this.#watched(async () => {
      await this.#requireReporter();
      return this.#reporterKey;
    });
  }

  /** The group's key, to which colleagues' copies are sealed: vouched for, and the one that an open vault holds. */
  group(vault) {
    return this.#watched(async () => {
      const pinned = vault.isOpen ? vault.signer : undefined;
      await requireGroupKey(this.#municipality, this.#group, this.#signers, pinned);
      if (!vault.isOpen) return this.#group;
      const own = vault.keys.get(this.#group.keyId);
      if (!own) throw new CannotOpen();
      if (encode(own.publicKey) !== this.#group.publicKey) throw new NotVouched();
      return this.#group;
    });
  }

  /** Throws `NotVouched` when this is not the content that intake sealed, or nobody says that it is. */
  requireContent(sealed) {
    return this.#watched(async () => {
      await this.#requireReporter();
      if ((await digestOf(sealed)) !== this.#voucher.contentDigest) throw new NotVouched();
    });
  }

  /** The question in the copy of colleagues; throws `NotVouched` when it is not the one that its reporter reads. */
  requireQuestion(said, digest) {
    return this.#watched(() => questionOf(said, digest));
  }

  /** Throws `NotVouched` when the reporter did not sign this reply. */
  requireReply({ subject, replyId, sealed, signature }) {
    return this.#watched(async () => {
      await this.#requireReporter();
      const said = await replyStatement(this.#municipality, subject, replyId, sealed);
      await requireSigned(said, signature, this.#voucher.verifyKey);
    });
  }

  #requireReporter() {
    return requireReporter(this.#municipality, this.#report, this.#reporterKey, this.#voucher, this.#intake);
  }

  async #watched(act) {
    try {
      return await act();
    } catch (error) {
      if (error instanceof NotVouched) alarm("desk", { "x-csrf-token": this.#csrf });
      throw error;
    }
  }
}
