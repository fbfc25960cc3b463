import { Arena } from './arena.ts'
import { Egress, FATE_NUMBER, type Carrier } from './egress.ts'
import { MemoryDisk, type Disk } from './disk.ts'
import { EventQueue } from './event-queue.ts'
import type { Happening } from './happening.ts'
import { OPAQUE_FRAMES, type FrameInspector } from './frame-inspector.ts'
import { corrupted } from './impairments.ts'
import type { LinkSettings } from './link.ts'
import {
  ID_SEQUENCE_LIMIT,
  NO_ID,
  type CrowdEnvironment,
  type EventData,
  type Id,
  type Machine,
  type MachineFactory,
  type Sleeper,
  type Timer,
} from './machine.ts'
import type { CrowdMachine, MachineOrder, Order } from './order.ts'
import { randomStream, type Random } from './random.ts'
import type { Nanos } from './time.ts'
import { TraceLog } from './trace-log.ts'

/** How many frames the network card of a paused host keeps before it loses them; of a crowd, each of the cards. */
export const RECEIVE_RING = 256

/** One end of a link, as the engine of the host there needs it. */
export interface PortSetup {
  /** Index of the link in the scenario. */
  readonly link: number
  /** Direction in which this port's own frames travel. */
  readonly direction: 0 | 1
  readonly settings: LinkSettings
  readonly carrier: Carrier
}

export interface EngineSetup {
  readonly host: number
  readonly name: string
  readonly seed: number
  readonly ports: readonly PortSetup[]
  readonly factory: MachineFactory
  /** Leaves details out of the trace, until somebody watches. */
  readonly brief?: boolean
  /** How many machines there are in it, for a crowd; 1 when absent. */
  readonly replicas?: number
  /** Tells links what is in frames; without one, nothing can be told. */
  readonly inspector?: FrameInspector
  /** Where frames get their memory; one of its own when absent. */
  readonly arena?: Arena
}

/** A frame on its way to this host. Pooled. */
class Arrival implements Happening {
  frame: Uint8Array = new Uint8Array(0)
  port = 0
  id: Id = NO_ID
  arrives: Nanos = 0
  corruption = 0
  detected = true
  cancelled = false
  constructor(private readonly engine: Engine) {}
  fire(): void {
    this.engine.arrive(this)
  }
}

/** What a paused host is told when it goes on. */
class Errand implements Happening {
  readonly cancelled = false
  constructor(
    private readonly tell: (machine: Machine) => void,
    private readonly machine: Machine,
    private readonly engine: Engine,
    private readonly cause: Id,
  ) {}
  fire(): void {
    this.engine.cause = this.cause
    this.tell(this.machine)
  }
}

/** A machine that broke down, or that comes back. */
class PowerChange implements Happening {
  constructor(
    private readonly engine: Engine,
    private readonly life: number,
    private readonly change: () => void,
  ) {}
  get cancelled(): boolean {
    return this.life !== this.engine.life
  }
  fire(): void {
    if (this.life === this.engine.life) this.change()
  }
}

class PendingTimer implements Timer, Happening {
  constructor(
    private readonly engine: Engine,
    private readonly life: number,
    private readonly cause: Id,
    private action: (() => void) | Sleeper | undefined,
  ) {}
  get cancelled(): boolean {
    return this.action === undefined || this.life !== this.engine.life
  }
  cancel(): void {
    this.action = undefined
  }
  fire(): void {
    const action = this.action
    if (action === undefined || this.life !== this.engine.life) return
    if (this.engine.isPaused) {
      this.engine.hold(this)
      return
    }
    this.action = undefined
    this.engine.cause = this.cause
    if (typeof action === 'function') action()
    else action.wake()
  }
}

/**
 * Runs one host: its event queue, the sending side of its links, and its machine. Knows opaque frames only.
 *
 * Time passes only in `run`, and only as far as granted. Everything that it has to tell goes to `log`; frames for neighbours
 * go to the ports' carriers.
 */
export class Engine implements CrowdEnvironment {
  readonly host: number
  readonly name: string
  readonly ports: number
  readonly log = new TraceLog()
  readonly inspector: FrameInspector
  now: Nanos = 0
  cause: Id = NO_ID
  boot = 0
  /** Changes with every power-on and power-off: timers of an earlier life do not fire. */
  life = 0
  isPaused = false
  isBrief: boolean
  /** How many frames have been handed to the machine. */
  framesReceived = 0
  /** How many happenings have been processed. */
  processed = 0

  private readonly queue = new EventQueue()
  private readonly arena: Arena
  private readonly egresses: Egress[] = []
  private readonly streams = new Map<string, Random>()
  /** Settings of the machine that were changed, by path, in the order in which they were; a restart does not undo them. */
  private readonly configured = new Map<string, unknown>()
  private readonly factory: MachineFactory
  private readonly seed: number
  private readonly firstId: number
  private sequence = 0
  private machine: Machine | undefined
  private readonly leavesDetailsOut: boolean
  private readonly ring: number
  private storage: Disk | undefined
  /** The life in which the machine has broken down already. */
  private crashedIn = 0
  /** The first `spareCount` count. */
  private readonly spareArrivals: Arrival[] = []
  private spareCount = 0
  /** What a paused host has not got round to. */
  private held: Happening[] = []
  private framesHeld = 0

  constructor(setup: EngineSetup) {
    this.host = setup.host
    this.name = setup.name
    this.seed = setup.seed
    this.factory = setup.factory
    this.ring = RECEIVE_RING * (setup.replicas ?? 1)
    this.leavesDetailsOut = setup.brief === true
    this.isBrief = this.leavesDetailsOut
    this.arena = setup.arena ?? new Arena()
    this.inspector = setup.inspector ?? OPAQUE_FRAMES
    this.firstId = setup.host * ID_SEQUENCE_LIMIT
    this.ports = setup.ports.length
    for (const port of setup.ports) {
      const label = `link/${String(port.link)}/${String(port.direction)}`
      this.egresses.push(new Egress(this, port.link * 2 + port.direction, port.settings, port.carrier, setup.seed, label))
    }
  }

  /** Time of the earliest thing that is pending here, or `NEVER`. */
  get nextTime(): Nanos {
    return this.queue.nextTime
  }

  get power(): 'on' | 'off' | 'paused' {
    if (this.machine === undefined) return 'off'
    return this.isPaused ? 'paused' : 'on'
  }

  /** Power on, at the current time. What was configured since the beginning of the run stays so. */
  start(cause: Id = NO_ID): void {
    this.boot++
    this.life++
    this.cause = cause
    const machine = this.factory(this)
    this.machine = machine
    for (const [path, value] of [...this.configured]) this.applySetting(machine, path, value)
    machine.start()
    for (let port = 0; port < this.egresses.length; port++) {
      if (!this.egresses[port].settings.up) machine.carrier(port, false)
    }
  }

  /** Processes everything before `until`, and moves the clock there. */
  run(until: Nanos): void {
    const { queue } = this
    for (;;) {
      const happening = queue.takeBefore(until)
      if (happening === undefined) break
      this.now = queue.takenTime
      this.processed++
      happening.fire()
    }
    this.now = until
  }

  /** Takes a frame from a neighbour's carrier. */
  accept(port: number, frame: Uint8Array, arrives: Nanos, id: Id, corruption: number, detected: boolean): void {
    const arrival = this.spareCount > 0 ? this.spareArrivals[--this.spareCount] : new Arrival(this)
    arrival.frame = frame
    arrival.port = port
    arrival.id = id
    arrival.arrives = arrives
    arrival.corruption = corruption
    arrival.detected = detected
    arrival.cancelled = false
    this.queue.push(arrives, id, arrival)
  }

  /** An arrival's time has come. */
  arrive(arrival: Arrival): void {
    // A card throws away what fails its frame check sequence, whether anybody reads from it or not.
    const isWhole = !arrival.cancelled && (arrival.corruption === 0 || !arrival.detected)
    if (this.isPaused && isWhole) {
      if (this.framesHeld === this.ring) {
        this.log.fate(this.now, arrival.id, FATE_NUMBER['ring-full'], this.now)
        return
      }
      this.framesHeld++
      this.hold(arrival)
      return
    }
    const { id, port, frame, corruption } = arrival
    arrival.frame = EMPTY
    this.spareArrivals[this.spareCount++] = arrival
    if (!isWhole) return
    if (this.machine === undefined) {
      this.log.fate(this.now, id, FATE_NUMBER['host-down'], this.now)
      return
    }
    this.framesReceived++
    this.cause = id
    this.machine.receive(port, corruption === 0 ? frame : corrupted(frame, corruption))
  }

  hold(happening: Happening): void {
    this.held.push(happening)
  }

  /** Carries out an order, at the current time and before everything else at this time. */
  obey(order: Order): void {
    this.cause = order.cause
    switch (order.kind) {
      case 'drop':
        for (const egress of this.egresses) egress.drop(order.frame)
        this.forArrivals((arrival) => {
          if (arrival.id === order.frame) arrival.cancelled = true
        })
        return
      case 'corrupt':
        for (const egress of this.egresses) egress.corrupt(order.frame, order.corruption)
        this.forArrivals((arrival) => {
          if (arrival.id !== order.frame) return
          arrival.corruption = order.corruption
          arrival.detected = order.detected
        })
        return
      case 'link':
        this.changeLink(order.port, order.settings)
        return
      case 'cut-incoming':
        this.forArrivals((arrival) => {
          // What waits in the ring of a paused host has arrived.
          if (arrival.port === order.port && arrival.arrives >= this.now) arrival.cancelled = true
        })
        return
      default:
        if (order.member === undefined) this.obeyAsWhole(order, order.cause)
        else this.tellMember(order.member, order)
    }
  }

  private obeyAsWhole(order: MachineOrder, cause: Id): void {
    switch (order.kind) {
      case 'kill':
        this.kill()
        return
      case 'restart':
        this.kill()
        this.start(cause)
        return
      case 'pause':
        if (this.machine !== undefined) this.isPaused = true
        return
      case 'resume':
        this.resume()
        return
      case 'configure':
        this.configure(order.path, order.value)
        return
      case 'watch':
        this.isBrief = this.leavesDetailsOut && !order.on
        return
    }
  }

  /** Members remember by themselves what they were told; while the whole crowd is off there is nobody to be told anything. */
  private tellMember(member: number, order: MachineOrder): void {
    this.tellMachine((machine) => {
      if (!isCrowd(machine)) throw new RangeError(`host ${this.name} is no crowd`)
      machine.obey(member, order)
    })
  }

  private configure(path: string, value: unknown): void {
    // Of several that overlap, the latest must stay the last.
    this.configured.delete(path)
    this.configured.set(path, value)
    this.tellMachine((machine) => {
      this.applySetting(machine, path, value)
    })
  }

  private applySetting(machine: Machine, path: string, value: unknown): void {
    try {
      machine.configure(path, value)
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'UnknownSetting') throw error
      this.configured.delete(path)
      this.record('host:setting-refused', '', { path, why: error.message })
    }
  }

  private changeLink(port: number, settings: Partial<LinkSettings>): void {
    const egress = this.egresses[port]
    if (egress === undefined) throw new RangeError(`host ${this.name} has no port ${String(port)}`)
    const { up: wasUp } = egress.settings
    egress.change(settings)
    const { up } = egress.settings
    if (up === wasUp) return
    this.tellMachine((machine) => {
      machine.carrier(port, up)
    })
  }

  /** Tells the machine now, or when it goes on. */
  private tellMachine(tell: (machine: Machine) => void): void {
    const { machine } = this
    if (machine === undefined) return
    if (this.isPaused) this.hold(new Errand(tell, machine, this, this.cause))
    else tell(machine)
  }

  private kill(): void {
    if (this.machine === undefined) return
    const { machine } = this
    machine.stop()
    // Also ends timers that the machine set while it stopped.
    this.life++
    this.machine = undefined
    for (const egress of this.egresses) egress.flush('host-down')
    this.isPaused = false
    for (const happening of this.held.splice(0)) if (happening instanceof Arrival) happening.fire()
    this.framesHeld = 0
  }

  private resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.framesHeld = 0
    for (const happening of this.held.splice(0)) if (!happening.cancelled) happening.fire()
  }

  private forArrivals(visit: (arrival: Arrival) => void): void {
    const each = (happening: Happening): void => {
      if (happening instanceof Arrival) visit(happening)
    }
    this.queue.forEach(each)
    this.held.forEach(each)
  }

  // What the machine and the egresses ask for.

  nextId(): Id {
    return this.firstId + ++this.sequence
  }

  push(time: Nanos, id: Id, happening: Happening): void {
    this.queue.push(time, id, happening)
  }

  allocate(length: number): Uint8Array {
    return this.arena.allocate(length)
  }

  transmit(port: number, frame: Uint8Array, mark = 0): Id {
    const egress = this.egresses[port]
    if (egress === undefined) throw new RangeError(`host ${this.name} has no port ${String(port)}`)
    return egress.enqueue(frame, mark, this.cause)
  }

  queuedBytes(port: number): number {
    return this.egresses[port]?.queuedBytes ?? 0
  }

  schedule(at: Nanos, action: (() => void) | Sleeper): Timer {
    const timer = new PendingTimer(this, this.life, this.cause, action)
    this.queue.push(at > this.now ? at : this.now, this.nextId(), timer)
    return timer
  }

  random(purpose: string): Random {
    const label = this.boot === 1 ? purpose : `${purpose}#${String(this.boot)}`
    let stream = this.streams.get(label)
    if (stream === undefined) {
      stream = randomStream(this.seed, `host/${this.name}/${label}`)
      this.streams.set(label, stream)
    }
    return stream
  }

  record(name: string, connection: string, data: EventData): Id {
    const id = this.nextId()
    this.log.event(this.now, id, this.cause, name, connection, data)
    return id
  }

  omit(): Id {
    this.sequence++
    return this.cause
  }

  crash(why: string, restartAfter: Nanos): void {
    if (this.machine === undefined || this.crashedIn === this.life) return
    this.crashedIn = this.life
    const cause = this.record('host:crashed', '', { why, restartAfter })
    const off = new PowerChange(this, this.life, () => {
      this.cause = cause
      this.kill()
      if (restartAfter === 0) return
      const on = new PowerChange(this, this.life, () => {
        this.cause = cause
        this.start(this.record('host:recovered', '', {}))
      })
      this.queue.push(this.now + restartAfter, this.nextId(), on)
    })
    this.queue.push(this.now, this.nextId(), off)
  }

  get disk(): Disk {
    return (this.storage ??= new MemoryDisk())
  }

  // What a crowd asks for besides.

  randomOf(name: string, purpose: string): Random {
    return randomStream(this.seed, `host/${name}/${purpose}`)
  }

  recordOf(member: number, name: string, connection: string, data: EventData): Id {
    const id = this.nextId()
    this.log.event(this.now, id, this.cause, name, connection, data, member + 1)
    return id
  }

  lose(frame: Id, isFull: boolean): void {
    this.log.fate(this.now, frame, FATE_NUMBER[isFull ? 'ring-full' : 'host-down'], this.now)
  }
}

function isCrowd(machine: Machine): machine is CrowdMachine {
  return 'obey' in machine
}

const EMPTY = new Uint8Array(0)
