import { BROADCAST_MAC, formatMac, readMac } from '../wire/address.ts'
import { FrameMark, type Environment, type Machine } from '../kernel/machine.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'
import { SECOND, type Nanos } from '../kernel/time.ts'
import { UnknownSetting } from './unknown-setting.ts'

/** Default of IEEE 802.1D section 7.9.2. */
const SWITCH_AGEING: Nanos = 300 * SECOND

/** Stations that a switch remembers; more are flooded to, as by a real one whose memory is full. */
export const SWITCH_CAPACITY = 32_768

interface Station {
  port: number
  expires: Nanos
}

/** The lowest bit of a MAC address's first byte says that it names a group of stations (IEEE 802 section 8.2.2). */
function isGroup(mac: number): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1
}

/** A learning bridge after IEEE 802.1D section 7, without spanning tree: frames circle in a loop of switches. */
class Switch implements Machine {
  private readonly stations = new Map<number, Station>()
  private stopped = false
  private sweepAfter: Nanos = 0

  constructor(
    private readonly environment: Environment,
    private readonly host: ResolvedHost,
  ) {}

  start(): void {
    // A switch is silent until it hears something.
  }

  receive(port: number, frame: Uint8Array): void {
    if (this.stopped || frame.length < 14) return
    const { now } = this.environment
    this.learn(readMac(frame, 6), port, now)
    const destination = readMac(frame, 0)
    const station = destination === BROADCAST_MAC ? undefined : this.stations.get(destination)
    if (station === undefined || station.expires <= now) {
      for (let other = 0; other < this.environment.ports; other++) {
        if (other !== port) this.environment.transmit(other, frame, FrameMark.Forwarded)
      }
    } else if (station.port !== port) {
      this.environment.transmit(station.port, frame, FrameMark.Forwarded)
    }
  }

  private learn(mac: number, port: number, now: Nanos): void {
    if (mac === 0 || isGroup(mac)) return
    const known = this.stations.get(mac)
    if (known !== undefined && known.expires > now && known.port === port) {
      known.expires = now + SWITCH_AGEING
      return
    }
    if (known === undefined) {
      if (this.stations.size >= SWITCH_CAPACITY) this.forgetExpired(now)
      if (this.stations.size >= SWITCH_CAPACITY) return
      this.stations.set(mac, { port, expires: now + SWITCH_AGEING })
    } else {
      known.port = port
      known.expires = now + SWITCH_AGEING
    }
    if (this.environment.isBrief) this.environment.omit()
    else this.environment.record('switch:learned', '', { mac: formatMac(mac), port, interface: this.interfaceName(port) })
  }

  /** At most once a second, so that a flood of invented stations does not make every frame a search. */
  private forgetExpired(now: Nanos): void {
    if (now < this.sweepAfter) return
    this.sweepAfter = now + SECOND
    for (const [mac, station] of this.stations) {
      if (station.expires <= now) this.stations.delete(mac)
    }
  }

  private interfaceName(port: number): string {
    return port < this.host.interfaces.length ? this.host.interfaces[port].name : `port ${String(port)}`
  }

  stop(): void {
    this.stopped = true
    this.stations.clear()
  }

  /** Who was learned behind a cable that was pulled may be plugged in elsewhere next. */
  carrier(port: number, up: boolean): void {
    if (up) return
    for (const [mac, station] of this.stations) {
      if (station.port === port) this.stations.delete(mac)
    }
  }

  configure(path: string): void {
    throw new UnknownSetting(path, 'a switch has no settings')
  }
}

/** An Ethernet switch: floods what it does not know, learns from source addresses, never sends a frame back where it came from. */
export function createSwitch(environment: Environment, host: ResolvedHost): Machine {
  return new Switch(environment, host)
}
