import type { Way } from '../../host/network-layer.ts'
import type { Backend } from '../balancing/backend.ts'

/** A server with where it is. */
export interface Target {
  readonly backend: Backend
  readonly address: number
  readonly port: number
  readonly way: Way
  /** Our own address towards it, in [0, 2^32). */
  readonly source: number
}
