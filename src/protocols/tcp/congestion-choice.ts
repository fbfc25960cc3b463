import { Bbr } from './bbr.ts'
import type { TcpConfig } from './config.ts'
import type { CongestionControl } from './congestion.ts'
import { Cubic } from './cubic.ts'
import { NewReno } from './new-reno.ts'

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
