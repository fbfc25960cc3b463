/** How many retries may be saved up. */
const MOST = 100

/**
 * Lets retries be a share of all requests and no more, so that who is overloaded is not asked twice as often for it: a bucket into which
 * each request puts a part of a token, and from which each retry takes a whole one.
 */
export class RetryBudget {
  private tokens: number

  /**
   * @param share of requests that may be retries, in [0, 1]; 1: nobody counts
   * @param reserve how many retries are allowed from the start, for who asks seldom
   */
  constructor(
    public share: number,
    reserve: number,
  ) {
    this.tokens = reserve
  }

  /** Somebody asks for the first time. */
  requested(): void {
    this.tokens = Math.min(this.tokens + this.share, MOST)
  }

  /** Whether one more retry is allowed. */
  get isLeft(): boolean {
    // Ten tenths may be a little less than one.
    return this.share >= 1 || this.tokens >= 1 - 1e-9
  }

  /** @returns whether one more retry is allowed, which is spent then */
  spend(): boolean {
    const { isLeft } = this
    if (isLeft) this.tokens = Math.max(0, this.tokens - 1)
    return isLeft
  }
}
