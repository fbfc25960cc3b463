/**
 * A crowd: one host of the scenario that is many, each a full host with addresses, a stack and applications of its own, on one engine and
 * so in one worker. What never differs (names, routes, options, settings) they share.
 *
 * All are on one link, as the customers behind one access network: frames from the link go to the member with the MAC address, which is
 * found by counting from the first; frames of members go out over the link, in front of which each may have a line of its own (`AccessLines`).
 * Members do not hear each other, as where an access network keeps its customers apart: what one sends to another gets lost
 * behind the link. They speak IPv4.
 *
 * To the kernel a crowd is one machine. What differs by member (power, pauses, settings, who is watched) is the business of `Member`; it
 * outlives the crowd's own restarts, so there is one crowd for an engine, however often that is started.
 */
import { readMac } from '../wire/address.ts'
import { ETHERNET_HEADER_LENGTH } from '../wire/ethernet.ts'
import type { CrowdEnvironment, Environment, Id, Machine } from '../kernel/machine.ts'
import type { CrowdMachine, MachineOrder } from '../kernel/order.ts'
import type { ResolvedHost } from '../scenario/resolved.ts'
import { AccessLines, type AccessEnds } from './crowd-access.ts'
import { CrowdHearing } from './crowd-hearing.ts'
import { Member, type MemberOwner } from './crowd-member.ts'
import { UnknownSetting } from './unknown-setting.ts'

/** Makes the machine of one member, which is an ordinary host. */
type MemberFactory = (environment: Environment, host: ResolvedHost) => Machine

class Crowd implements CrowdMachine, MemberOwner, AccessEnds {
  readonly lines: AccessLines | undefined
  private readonly members: Member[] = []
  private readonly hearing: CrowdHearing
  private readonly firstMac: number
  /** Settings that were changed for all, by path, in the order in which they were. */
  private readonly configured = new Map<string, unknown>()
  /** Whether members have been prepared and not been started yet. */
  private isStarting = false

  constructor(
    readonly environment: CrowdEnvironment,
    private readonly host: ResolvedHost,
    private readonly createMember: MemberFactory,
  ) {
    const size = host.replicas ?? 1
    const [card] = host.interfaces
    this.firstMac = card.mac
    this.hearing = new CrowdHearing(card.address, size)
    if (host.access !== undefined) this.lines = new AccessLines(environment, this, size, host.access)
    for (let index = 0; index < size; index++) this.members.push(new Member(this, index))
  }

  /** The engine is about to start anew: makes the machines, for settings to be applied to them. */
  prepare(): this {
    this.isStarting = true
    for (const member of this.members) member.prepare()
    return this
  }

  start(): void {
    const { environment } = this
    const { cause } = environment
    this.isStarting = false
    for (const member of this.members) {
      environment.cause = cause
      for (const [path, value] of member.configured) this.configureMember(member, path, value)
      member.powerOn()
    }
  }

  stop(): void {
    for (const member of this.members) member.powerOff()
    this.lines?.release()
  }

  build(member: Member): Machine {
    const { host, configured } = this
    const [card] = host.interfaces
    const { index } = member
    const own = { ...card, mac: card.mac + index, address: card.address + index }
    const machine = this.createMember(member, { ...host, name: member.name, interfaces: [own] })
    // When all start anew, the engine says what was said to all; then comes what was said to one.
    if (!this.isStarting) {
      for (const [path, value] of configured) machine.configure(path, value)
      for (const [path, value] of member.configured) machine.configure(path, value)
    }
    return machine
  }

  // Frames.

  receive(_port: number, frame: Uint8Array): void {
    if (frame.length < ETHERNET_HEADER_LENGTH) return
    const index = readMac(frame, 0) - this.firstMac
    if (index >= 0 && index < this.members.length) {
      this.hearing.hearsAlone(index, frame)
      this.bring(index, frame, true)
    } else if ((frame[0] & 1) === 1) {
      this.bringToMany(frame)
    }
  }

  /** The lowest bit of the first byte was set: it is for a group, or for everybody. */
  private bringToMany(frame: Uint8Array): void {
    const { cause } = this.environment
    const hearers = this.hearing.whoHears(frame)
    const count = hearers?.length ?? this.members.length
    for (let at = 0; at < count; at++) {
      this.environment.cause = cause
      this.bring(hearers === undefined ? at : hearers[at], frame, false)
    }
  }

  private bring(index: number, frame: Uint8Array, isAddressed: boolean): void {
    const { cause } = this.environment
    if (this.lines === undefined) this.members[index].take(frame, cause, isAddressed)
    else this.lines.sendDown(index, frame, cause, isAddressed)
  }

  deliver(member: number, frame: Uint8Array, id: Id, isAddressed: boolean): void {
    this.members[member].take(frame, id, isAddressed)
  }

  asks(member: number, frame: Uint8Array): void {
    this.hearing.sends(member, frame)
  }

  lifeOf(member: number): number {
    return this.members[member].life
  }

  carrier(port: number, up: boolean): void {
    for (const member of this.members) {
      member.tell((machine) => {
        machine.carrier(port, up)
      })
    }
  }

  // Settings and orders.

  configure(path: string, value: unknown): void {
    if (path.startsWith('access.')) {
      this.changeAccess(path, value)
      return
    }
    const { cause } = this.environment
    let refused: UnknownSetting | undefined
    let isNow = true
    for (const member of this.members) {
      if (!this.isStarting) member.forget(path)
      this.environment.cause = cause
      member.tell((machine) => {
        const why = refusal(machine, path, value)
        if (isNow) refused = why
        else if (why !== undefined) member.record('host:setting-refused', '', { path, why: why.message })
      })
      // One like all others has refused it.
      if (refused !== undefined) throw refused
    }
    isNow = false
    this.configured.delete(path)
    this.configured.set(path, value)
  }

  private changeAccess(path: string, value: unknown): void {
    const { lines } = this
    if (lines === undefined || typeof value !== 'number' || !(value >= 0))
      throw new UnknownSetting(path, `${this.host.name} has lines of its members' own with a rate and a delay, each a number`)
    if (path === 'access.rate') lines.setRate(value)
    else if (path === 'access.delay') lines.setDelay(value, value)
    else throw new UnknownSetting(path, 'a line has a rate and a delay')
  }

  obey(index: number, order: MachineOrder): void {
    if (index >= this.members.length) throw new RangeError(`${this.host.name} has no member ${String(index)}`)
    const member = this.members[index]
    switch (order.kind) {
      case 'kill':
        member.powerOff()
        return
      case 'restart':
        member.restart()
        return
      case 'pause':
        member.pause()
        return
      case 'resume':
        member.resume()
        return
      case 'configure':
        this.configureMember(member, order.path, order.value)
        return
      case 'watch':
        member.isWatched = order.on
        return
    }
  }

  private configureMember(member: Member, path: string, value: unknown): void {
    member.remember(path, value)
    member.tell((machine) => {
      const why = refusal(machine, path, value)
      if (why === undefined) return
      member.forget(path)
      member.record('host:setting-refused', '', { path, why: why.message })
    })
  }
}

/** Why a machine does not take a setting; undefined: it has taken it. */
function refusal(machine: Machine, path: string, value: unknown): UnknownSetting | undefined {
  try {
    machine.configure(path, value)
    return undefined
  } catch (error) {
    if (error instanceof UnknownSetting) return error
    throw error
  }
}

/**
 * Makes crowds for one engine: always the same one, whose members remember what became of them.
 * @param host with `replicas`, and one interface, which has the addresses of the first member
 */
export function crowdFactory(host: ResolvedHost, createMember: MemberFactory): (environment: CrowdEnvironment) => Machine {
  let crowd: Crowd | undefined
  return (environment) => {
    crowd ??= new Crowd(environment, host, createMember)
    return crowd.prepare()
  }
}
