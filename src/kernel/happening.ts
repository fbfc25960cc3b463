/** Something that happens at its time. Kept as objects so that firing one is a single call, and pooled by their owners. */
export interface Happening {
  fire(): void
  /** Nothing will come of it: it may be forgotten. */
  readonly cancelled: boolean
}
