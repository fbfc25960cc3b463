import type { App, AppContext, Blocking, Sockets } from './socket.ts'
import type { Sleeper, Timer } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HostEnvironment } from './host-environment.ts'
import { raceTasks, TaskGroup, WaitQueue, type TaskScheduler, type Waiting } from './tasks.ts'

/** An application's sockets, and the end of all of them when it ends. */
export interface AppSockets extends Sockets {
  /** As when a process exits: every socket that is still open is closed. */
  closeAll(): void
}

/** An alarm clock for one task. */
class Alarm extends WaitQueue implements Sleeper {
  private timer: Timer | undefined = undefined

  constructor(
    private readonly environment: HostEnvironment,
    private readonly at: Nanos,
  ) {
    super()
  }

  override add(entry: Waiting): void {
    super.add(entry)
    this.timer = this.environment.schedule(this.at, this)
  }

  override remove(entry: Waiting): void {
    super.remove(entry)
    this.timer?.cancel()
  }

  override wake(): void {
    this.environment.holdTasks()
    try {
      super.wake()
    } finally {
      this.environment.releaseTasks()
    }
  }
}

/** What went wrong, in one line for the trace. */
function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}

/**
 * One running application: its main coroutine and those that it spawned. When main returns or fails, the others are cancelled
 * and its sockets are closed, as the threads and the descriptors of a process that exits.
 */
export class Application implements AppContext {
  private readonly group: TaskGroup
  /** Bytes of the host's memory that it has claimed. */
  private claimed = 0

  /** @param name as in the scenario: `'web-server'` */
  constructor(
    readonly name: string,
    private readonly app: App,
    readonly environment: HostEnvironment,
    readonly sockets: AppSockets,
    scheduler: TaskScheduler,
  ) {
    this.group = new TaskGroup(scheduler, this)
  }

  start(): void {
    this.environment.record('app:started', '', { app: this.name })
    this.group.spawn(this.main())
  }

  /** Ends it at once: `finally` blocks run, waits do not. */
  stop(): void {
    this.group.cancel()
  }

  /** Throws what the application throws. @returns whether the application takes settings at all */
  configure(path: string, value: unknown): boolean {
    if (this.app.configure === undefined) return false
    this.app.configure(path, value)
    return true
  }

  private *main(): Blocking<void> {
    try {
      yield* this.app.main(this)
      this.environment.record('app:ended', '', { app: this.name })
    } catch (error) {
      this.taskFailed(error)
    } finally {
      this.group.cancel()
      this.sockets.closeAll()
      this.releaseClaim(this.claimed)
    }
  }

  taskFailed(error: unknown): void {
    this.environment.record('app:failed', '', { app: this.name, error: describe(error) })
  }

  // The context is often taken apart (`const { sockets, sleep } = context`), so its functions do not depend on `this`. They are made when they
  // are asked for: few applications want all, and a crowd has thousands of applications.
  get sleep(): AppContext['sleep'] {
    return (duration) => this.sleepFor(duration)
  }
  get spawn(): AppContext['spawn'] {
    return (task) => this.group.spawn(task)
  }
  get race(): AppContext['race'] {
    return (tasks) => raceTasks(tasks)
  }
  get wallClock(): AppContext['wallClock'] {
    return () => this.environment.wallClock
  }
  get processRequest(): AppContext['processRequest'] {
    return () => this.waitForProcessor(this.environment.machine.perRequest)
  }
  get processConnection(): AppContext['processConnection'] {
    return (count = 1) => this.waitForCost(this.environment.machine.perConnection * count)
  }
  get processMessage(): AppContext['processMessage'] {
    return (count = 1) => this.waitForCost(this.environment.machine.perMessage * count)
  }
  get processFor(): AppContext['processFor'] {
    return (time) => this.workFor(time)
  }
  get processorDelay(): AppContext['processorDelay'] {
    return () => (this.environment.isBusy ? this.environment.processor.queueDelay : 0)
  }
  get claimMemory(): AppContext['claimMemory'] {
    return (bytes) => this.claim(bytes)
  }
  get releaseMemory(): AppContext['releaseMemory'] {
    return (bytes) => this.releaseClaim(bytes)
  }
  get memoryShare(): AppContext['memoryShare'] {
    return () => this.shareOfMemory()
  }
  get processHandshake(): AppContext['processHandshake'] {
    return () => this.chargeHandshake()
  }

  private claim(bytes: number): boolean {
    const { memory, load } = this.environment
    if (memory.refuses(bytes)) {
      this.environment.exhaust(bytes, '')
      return false
    }
    memory.claimed += bytes
    this.claimed += bytes
    load?.touch()
    return true
  }

  private releaseClaim(bytes: number): void {
    this.environment.memory.claimed -= bytes
    this.claimed -= bytes
    this.environment.load?.touch()
  }

  private shareOfMemory(): number {
    const { used, limit } = this.environment.memory
    return limit === 0 ? 0 : used / limit
  }

  private chargeHandshake(): void {
    const { perHandshake } = this.environment.machine
    if (perHandshake > 0) this.environment.processor.charge(perHandshake)
  }

  /** What costs nothing does not wait for its turn. */
  private *waitForCost(cost: Nanos): Blocking<void> {
    if (cost > 0) yield* this.waitForProcessor(cost)
  }

  private *workFor(time: Nanos): Blocking<void> {
    if (time === 0) return
    let isDone = false
    const done = new WaitQueue()
    this.environment.processor.submitTask(time, () => {
      isDone = true
      done.wake()
    })
    while (!isDone) yield done
  }

  private *waitForProcessor(cost: Nanos): Blocking<void> {
    if (!this.environment.isBusy && cost === 0) return
    const { processor } = this.environment
    let isDone = false
    const done = new WaitQueue()
    processor.submit(cost, () => {
      isDone = true
      done.wake()
    })
    while (!isDone) yield done
  }

  private *sleepFor(duration: Nanos): Blocking<void> {
    if (!(duration >= 0)) throw new RangeError(`cannot sleep for ${String(duration)} ns`)
    const { environment } = this
    const until = environment.now + Math.ceil(duration)
    // Even sleep(0) waits for the current event to end, so that a loop of them cannot hold up the world.
    do {
      yield new Alarm(environment, until)
    } while (environment.now < until)
  }
}
