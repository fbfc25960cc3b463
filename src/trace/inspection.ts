import type { Layer } from '../wire/field.ts'

/** Bytes that a packet has something to do with, beside its own: put together from several packets, or decrypted. */
export interface InspectedView {
  /** What they are: `'Decrypted TLS'`. */
  readonly title: string
  readonly bytes: Uint8Array
  /** What is in them, in order; ranges are of these bytes. */
  readonly layers: readonly Layer[]
}

/** A packet, looked into. */
export interface Inspection {
  /** The frame as it arrived. */
  readonly bytes: Uint8Array
  /** Its layers from the outside in; of those behind TCP, one behind the other. Ranges are of the frame. */
  readonly layers: readonly Layer[]
  readonly views: readonly InspectedView[]
  /** What it carries, in a line. */
  readonly summary: string
  /** Whether it ends in the middle of something whose rest has not been sent yet, so that more can be said later. */
  readonly isOpen: boolean
}
