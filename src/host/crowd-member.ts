import { MemoryDisk, type Disk } from '../kernel/disk.ts'
import { RECEIVE_RING } from '../kernel/engine.ts'
import type { Happening } from '../kernel/happening.ts'
import type { CrowdEnvironment, Environment, EventData, Id, Machine, Sleeper, Timer } from '../kernel/machine.ts'
import type { Random } from '../kernel/random.ts'
import type { Nanos } from '../kernel/time.ts'
import { memberName } from '../scenario/member-name.ts'
import type { AccessLines } from './crowd-access.ts'

/** What members have in common. */
export interface MemberOwner {
  readonly environment: CrowdEnvironment
  /** Members' own lines; absent: they are on the link themselves. */
  readonly lines: AccessLines | undefined
  /** Makes the machine of a member, with everything that was set while it ran before. */
  build(member: Member): Machine
  /** Sees what members send that asks for addresses. */
  asks(member: number, frame: Uint8Array): void
}

/** A timer of a member's machine, which ends with the member's life. */
class MemberTimer implements Timer, Happening {
  private readonly life: number
  private readonly cause: Id
  constructor(
    private readonly member: Member,
    private action: (() => void) | Sleeper | undefined,
  ) {
    this.life = member.life
    this.cause = member.cause
  }
  get cancelled(): boolean {
    return this.action === undefined || this.life !== this.member.life
  }
  cancel(): void {
    this.action = undefined
  }
  fire(): void {
    const { action, member } = this
    if (action === undefined || this.life !== member.life || member.isHeld(this)) return
    this.action = undefined
    member.cause = this.cause
    if (typeof action === 'function') action()
    else action.wake()
  }
}

/** The power of a member goes or comes back, unless it has gone or come back before. */
class MemberPowerChange implements Happening {
  private readonly life: number
  constructor(
    private readonly member: Member,
    private readonly change: () => void,
  ) {
    this.life = member.life
  }
  get cancelled(): boolean {
    return this.life !== this.member.life
  }
  fire(): void {
    if (this.life === this.member.life) this.change()
  }
}

/** A frame, or something to be told, that came while a member was paused. */
class Kept implements Happening {
  readonly cancelled = false
  constructor(
    private readonly member: Member,
    readonly frame: Uint8Array | undefined,
    private readonly id: Id,
    private readonly tell: ((machine: Machine) => void) | undefined,
  ) {}
  fire(): void {
    this.member.cause = this.id
    if (this.frame !== undefined) this.member.take(this.frame, this.id, true)
    else this.member.tell(this.tell as (machine: Machine) => void)
  }
  /** It will never be told. */
  lose(): void {
    if (this.frame !== undefined) this.member.lose(this.id, false)
  }
}

/** What few members need. */
interface Rarities {
  disk?: Disk
  /** Settings that were changed for this member alone, by path, in the order in which they were. */
  configured?: Map<string, unknown>
  /** What came while it was paused, and how many of that are frames. */
  held?: Happening[]
  framesHeld: number
  /** The life in which the machine has broken down already. */
  crashedIn: number
}

/**
 * One member of a crowd, and the world as its machine sees it: a host of its own, with one port, a name of its own, a life and random
 * numbers of its own. It outlives its machine.
 */
export class Member implements Environment {
  readonly ports = 1
  boot = 0
  /** Changes with every power-on and power-off: timers of an earlier life do not fire. */
  life = 0
  isPaused = false
  isWatched = false
  private machine: Machine | undefined
  /** Streams of this life; there are few. */
  private streams: readonly { readonly purpose: string; readonly random: Random }[] = NO_STREAMS
  private rarities: Rarities | undefined

  constructor(
    private readonly owner: MemberOwner,
    /** From 0. */
    readonly index: number,
  ) {}

  get isOn(): boolean {
    return this.machine !== undefined
  }

  // Power.

  /** Makes the machine, which is not on yet. */
  prepare(): void {
    this.boot++
    this.life++
    this.streams = NO_STREAMS
    this.machine = this.owner.build(this)
  }

  /** Power on, of a machine that is prepared. */
  powerOn(): void {
    this.machine?.start()
  }

  powerOff(): void {
    const { machine, rarities } = this
    if (machine === undefined) return
    machine.stop()
    // Also ends timers that the machine set while it stopped.
    this.life++
    this.machine = undefined
    this.isPaused = false
    this.owner.lines?.powerOff(this.index)
    if (rarities === undefined) return
    rarities.framesHeld = 0
    for (const happening of rarities.held?.splice(0) ?? []) if (happening instanceof Kept) happening.lose()
  }

  restart(): void {
    const { cause } = this
    this.powerOff()
    this.prepare()
    this.cause = cause
    this.powerOn()
  }

  pause(): void {
    if (this.machine !== undefined) this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    if (this.rarities === undefined) return
    this.rarities.framesHeld = 0
    for (const happening of this.rarities.held?.splice(0) ?? []) if (!happening.cancelled) happening.fire()
  }

  // What comes to it.

  /** A frame has come all the way. @param isAddressed whether it is for this member alone, so that its end is told in the trace */
  take(frame: Uint8Array, id: Id, isAddressed: boolean): void {
    const { machine } = this
    if (machine === undefined) {
      if (isAddressed) this.lose(id, false)
    } else if (this.isPaused) {
      const rare = this.rare()
      if (rare.framesHeld < RECEIVE_RING) {
        rare.framesHeld++
        this.hold(new Kept(this, frame, id, undefined))
      } else if (isAddressed) {
        this.lose(id, true)
      }
    } else {
      machine.receive(0, frame)
    }
  }

  lose(id: Id, isFull: boolean): void {
    this.owner.environment.lose(id, isFull)
  }

  /** Tells the machine now, or when it goes on. */
  tell(what: (machine: Machine) => void): void {
    const { machine } = this
    if (machine === undefined) return
    if (this.isPaused) this.hold(new Kept(this, undefined, this.cause, what))
    else what(machine)
  }

  /** Whether something that is due has to wait, because this member or the whole crowd is paused. */
  isHeld(happening: Happening): boolean {
    const { environment } = this.owner
    if (environment.isPaused) environment.hold(happening)
    else if (this.isPaused) this.hold(happening)
    else return false
    return true
  }

  private hold(happening: Happening): void {
    const rare = this.rare()
    rare.held ??= []
    rare.held.push(happening)
  }

  // What was set for it alone.

  /** Remembers a setting, which a restart does not undo. */
  remember(path: string, value: unknown): void {
    const rare = this.rare()
    rare.configured ??= new Map<string, unknown>()
    // Of several that overlap, the latest must stay the last.
    rare.configured.delete(path)
    rare.configured.set(path, value)
  }

  forget(path: string): void {
    this.rarities?.configured?.delete(path)
  }

  get configured(): readonly (readonly [string, unknown])[] {
    return [...(this.rarities?.configured ?? [])]
  }

  private rare(): Rarities {
    return (this.rarities ??= { framesHeld: 0, crashedIn: 0 })
  }

  // What its machine asks for.

  get now(): Nanos {
    return this.owner.environment.now
  }

  get host(): number {
    return this.owner.environment.host
  }

  get name(): string {
    return memberName({ host: this.owner.environment.name, member: this.index })
  }

  get cause(): Id {
    return this.owner.environment.cause
  }

  set cause(cause: Id) {
    this.owner.environment.cause = cause
  }

  get isBrief(): boolean {
    return !this.isWatched && this.owner.environment.isBrief
  }

  get disk(): Disk {
    return (this.rare().disk ??= new MemoryDisk())
  }

  allocate(length: number): Uint8Array {
    return this.owner.environment.allocate(length)
  }

  transmit(_port: number, frame: Uint8Array, mark = 0): Id {
    const { owner, index } = this
    owner.asks(index, frame)
    if (owner.lines === undefined) return owner.environment.transmit(0, frame, mark)
    owner.lines.sendUp(index, frame, mark)
    // Its id is given to it when it gets to the link.
    return this.cause
  }

  queuedBytes(): number {
    const { lines, environment } = this.owner
    return lines === undefined ? environment.queuedBytes(0) : lines.queuedBytes(this.index)
  }

  schedule(at: Nanos, action: (() => void) | Sleeper): Timer {
    const { environment } = this.owner
    const timer = new MemberTimer(this, action)
    environment.push(at > environment.now ? at : environment.now, environment.nextId(), timer)
    return timer
  }

  random(purpose: string): Random {
    for (const stream of this.streams) if (stream.purpose === purpose) return stream.random
    const label = this.boot === 1 ? purpose : `${purpose}#${String(this.boot)}`
    const random = this.owner.environment.randomOf(this.name, label)
    // Not by `push`, which makes room for sixteen more.
    this.streams = [...this.streams, { purpose, random }]
    return random
  }

  record(name: string, connection: string, data: EventData): Id {
    return this.owner.environment.recordOf(this.index, name, connection, data)
  }

  omit(): Id {
    return this.owner.environment.omit()
  }

  crash(why: string, restartAfter: Nanos): void {
    const rare = this.rare()
    if (this.machine === undefined || rare.crashedIn === this.life) return
    rare.crashedIn = this.life
    const { environment } = this.owner
    const cause = this.record('host:crashed', '', { why, restartAfter })
    const off = new MemberPowerChange(this, () => {
      this.cause = cause
      this.powerOff()
      if (restartAfter === 0) return
      const on = new MemberPowerChange(this, () => {
        if (this.isHeld(on)) return
        this.cause = cause
        this.cause = this.record('host:recovered', '', {})
        this.restart()
      })
      environment.push(this.now + restartAfter, environment.nextId(), on)
    })
    environment.push(this.now, environment.nextId(), off)
  }
}

const NO_STREAMS: readonly never[] = []
