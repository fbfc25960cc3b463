import { Bbr } from '../congestion/bbr.ts'
import type { CongestionControl } from '../congestion/congestion.ts'
import { Cubic } from '../congestion/cubic.ts'
import { NewReno } from '../congestion/new-reno.ts'
import type { TcpConfig } from './config.ts'

/**
 * The congestion control that a configuration names.
 * @param entropy any integer, as hard to foresee as an initial sequence number, for an algorithm that makes random choices
 */
export function congestionControl(config: TcpConfig, entropy: number): CongestionControl {
  switch (config.congestionControl) {
    case 'new-reno':
      return new NewReno(config)
    case 'cubic':
      return new Cubic(config)
    case 'bbr':
      return new Bbr(config, entropy)
  }
}
