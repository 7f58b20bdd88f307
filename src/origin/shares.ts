/**
 * Which generation comes first, by what its tenant has had so far. Tenants share the engine: each is served in turn by
 * the tokens computed for it, however many generations it opens. The order is that of start-time fair queueing (Goyal,
 * Vin and Cheng, SIGCOMM 1996), read anew at each look: a generation's tag is what its tenant has been served, and what
 * the tenant's older generations and itself are expected to come to. So within a tenant the older comes first.
 *
 * Plain data, as in sequences.ts.
 */

/** A generation from its `open` to its end. */
export interface Claim {
  readonly tenant: string;
  /** Later generations have larger ones. */
  readonly ticket: number;
  /** Tokens that it may still decide. */
  left(): number;
}

/** Of an answer, what is expected at most: most end long before the tokens that they may have. */
const ANSWER_TOKENS = 256;
/** What a tenant that has rested may have before others, in tokens, at most: a short answer beside long ones. */
const CREDIT = 1024;

interface Account {
  served: number;
  /** In the order of their tickets. */
  readonly claims: Claim[];
}

export class Shares {
  readonly #accounts = new Map<string, Account>();

  /** A generation has been asked for. Tickets only grow. */
  enter(claim: Claim): void {
    const least = this.#leastServed();
    if (least === null) this.#accounts.clear();
    const account = this.#accounts.get(claim.tenant) ?? { served: 0, claims: [] };
    if (account.claims.length === 0) account.served = Math.max(account.served, (least ?? 0) - CREDIT);
    account.claims.push(claim);
    this.#accounts.set(claim.tenant, account);
  }

  leave(claim: Claim): void {
    const account = this.#accounts.get(claim.tenant);
    const at = account?.claims.indexOf(claim) ?? -1;
    if (at >= 0) account!.claims.splice(at, 1);
    const least = this.#leastServed() ?? Number.POSITIVE_INFINITY;
    for (const [tenant, { served, claims }] of this.#accounts) {
      // A newcomer would begin there as well.
      if (claims.length === 0 && served <= least - CREDIT) this.#accounts.delete(tenant);
    }
  }

  /** Tokens were computed for a tenant: of a prompt, or of an answer. */
  charge({ tenant }: Claim, tokens: number): void {
    const account = this.#accounts.get(tenant);
    if (account) account.served += tokens;
  }

  /** How far `claim` is before `other`, in tokens; negative where it is behind. Never 0 for two claims. */
  lead(claim: Claim, other: Claim): number {
    return this.#tag(other) - this.#tag(claim) || (other.ticket - claim.ticket) * Number.EPSILON;
  }

  /** How much less a claim's tenant has been served than another's, in tokens. */
  owed(claim: Claim, other: Claim): number {
    return (this.#accounts.get(other.tenant)?.served ?? 0) - (this.#accounts.get(claim.tenant)?.served ?? 0);
  }

  #tag(claim: Claim): number {
    const { served, claims } = this.#accounts.get(claim.tenant) ?? { served: 0, claims: [] };
    let tag = served;
    for (const each of claims) {
      tag += Math.min(each.left(), ANSWER_TOKENS);
      if (each === claim) break;
    }
    return tag;
  }

  /** Of the tenants with generations, what the one that had least has had; null where there is none. */
  #leastServed(): number | null {
    let least: number | null = null;
    for (const { served, claims } of this.#accounts.values()) {
      if (claims.length > 0) least = Math.min(least ?? served, served);
    }
    return least;
  }
}
