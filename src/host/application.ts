import type { App, AppContext, Blocking, Sockets, Task, Wait } from './socket.ts'
import type { Nanos } from '../kernel/time.ts'
import type { HostEnvironment } from './host-environment.ts'
import { raceTasks, TaskGroup, WaitQueue, type TaskScheduler } from './tasks.ts'

/** An application's sockets, and the end of all of them when it ends. */
export interface AppSockets extends Sockets {
  /** As when a process exits: every socket that is still open is closed. */
  closeAll(): void
}

/** An alarm clock for one task. */
class Alarm implements Wait {
  constructor(
    private readonly environment: HostEnvironment,
    private readonly at: Nanos,
  ) {}

  arm(resume: () => void): () => void {
    const timer = this.environment.schedule(this.at, resume)
    return () => {
      timer.cancel()
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

  /** @param name as in the scenario: `'web-server'` */
  constructor(
    readonly name: string,
    private readonly app: App,
    readonly environment: HostEnvironment,
    readonly sockets: AppSockets,
    scheduler: TaskScheduler,
  ) {
    this.group = new TaskGroup(scheduler, (error) => {
      this.recordFailure(error)
    })
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
      this.recordFailure(error)
    } finally {
      this.group.cancel()
      this.sockets.closeAll()
    }
  }

  private recordFailure(error: unknown): void {
    this.environment.record('app:failed', '', { app: this.name, error: describe(error) })
  }

  // The context is often taken apart (`const { sockets, sleep } = context`), so its functions do not depend on `this`.
  readonly sleep = (duration: Nanos): Blocking<void> => this.sleepFor(duration)
  readonly spawn = (task: Blocking<void>): Task => this.group.spawn(task)
  readonly race = (tasks: readonly Task[]): Blocking<number> => raceTasks(tasks)
  readonly wallClock = (): Nanos => this.environment.wallClock
  readonly processRequest = (): Blocking<void> => this.waitForProcessor()
  readonly processHandshake = (): void => {
    const { processor, machine } = this.environment
    if (machine.perHandshake > 0) processor.charge(machine.perHandshake)
  }

  private *waitForProcessor(): Blocking<void> {
    const { processor, machine } = this.environment
    if (!processor.isInUse) return
    let isDone = false
    const done = new WaitQueue()
    processor.submit(machine.perRequest, () => {
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
