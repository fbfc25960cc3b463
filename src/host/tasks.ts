/**
 * Coroutines on simulated time. An application is a generator that yields a `Wait` whenever it cannot go on; the scheduler arms
 * the wait and goes on with the generator when the wait resumes it. There are no promises: what runs next is always the head of
 * one first-in-first-out queue, so the order is the same in every run.
 *
 * Resuming never runs application code in the middle of protocol code: entry points of the machine (`receive`, timers) `hold`
 * the scheduler while the stack works and `release` it afterwards, which runs what became ready. A wait that is resumed while
 * nobody holds (a sleep that is over) runs at once.
 */
import type { Blocking, Task, Wait } from './socket.ts'
import { SparseSet } from './sparse-map.ts'

/** How often a cancelled generator may yield inside `finally` blocks before it is given up. */
const UNWIND_LIMIT = 100

type Resume = () => void

/** Somebody who waits, in a list. */
export interface Waiting {
  /** The queue it waits in; undefined: it no longer does. */
  queue: WaitQueue | undefined
  next: Waiting | undefined
  /** Called once, when `queue` is undefined again. */
  resume: Resume
}

/** Those who wait for one thing. Waking wakes all of them; each looks anew whether it can go on. */
export class WaitQueue implements Wait {
  private first: Waiting | undefined = undefined
  private last: Waiting | undefined = undefined

  arm(resume: Resume): () => void {
    const entry: Waiting = { queue: undefined, next: undefined, resume }
    this.add(entry)
    return () => {
      this.remove(entry)
    }
  }

  /** Somebody who waits nowhere begins to wait. */
  add(entry: Waiting): void {
    entry.queue = this
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
  }

  /** Harmless when it waits no longer. */
  remove(entry: Waiting): void {
    // An entry outlives its queue while that is being woken. Then it is passed over, and leads on to the next.
    if (entry.queue !== this) return
    entry.queue = undefined
    let before: Waiting | undefined
    for (let other = this.first; other !== undefined; before = other, other = other.next) {
      if (other !== entry) continue
      if (before === undefined) this.first = entry.next
      else before.next = entry.next
      if (this.last === entry) this.last = before
      entry.next = undefined
      return
    }
  }

  wake(): void {
    let entry = this.first
    this.first = undefined
    this.last = undefined
    while (entry !== undefined) {
      // Who goes on may wait again before this comes back.
      const { next } = entry
      entry.next = undefined
      if (entry.queue === this) {
        entry.queue = undefined
        entry.resume()
      }
      entry = next
    }
  }
}

class Coroutine implements Task, Waiting {
  done = false
  /** Whether its generator is on the call stack, so that it must not be entered again. */
  running = false
  cancelled = false
  /** Most coroutines wait in a queue most of the time: they stand in it themselves. */
  queue: WaitQueue | undefined = undefined
  next: Waiting | undefined = undefined
  /** Stops a wait of another kind that it is blocked on. */
  private stop: (() => void) | undefined = undefined
  /** Made when somebody waits for that. */
  private end: WaitQueue | undefined = undefined

  constructor(
    private readonly scheduler: TaskScheduler,
    readonly body: Blocking<void>,
    readonly group: TaskGroup,
  ) {}

  get ended(): WaitQueue {
    return (this.end ??= new WaitQueue())
  }

  /** For the scheduler, when it is done. */
  tellEnd(): void {
    this.end?.wake()
  }

  /** Begins to wait. */
  block(wait: Wait): void {
    if (wait instanceof WaitQueue) {
      wait.add(this)
      return
    }
    const stop = wait.arm(() => {
      if (this.stop !== stop) return
      this.stop = undefined
      this.resume()
    })
    this.stop = stop
  }

  /** Stops waiting. */
  disarm(): void {
    this.queue?.remove(this)
    this.stop?.()
    this.stop = undefined
  }

  resume(): void {
    this.scheduler.enqueue(this)
  }

  cancel(): void {
    this.scheduler.cancel(this)
  }

  *join(): Blocking<void> {
    while (!this.done) yield this.ended
  }
}

/** Whose tasks they are. */
interface TaskOwner {
  /** Told of every uncaught error of a task. */
  taskFailed(error: unknown): void
}

/** Tasks that live and die together: one application. */
export class TaskGroup {
  private readonly tasks = new SparseSet<Coroutine>()
  private closed = false

  constructor(
    private readonly scheduler: TaskScheduler,
    readonly owner: TaskOwner,
  ) {}

  /** Puts a coroutine at the end of the ready queue. In a group that was cancelled it ends without having begun. */
  spawn(body: Blocking<void>): Task {
    const task = new Coroutine(this.scheduler, body, this)
    this.tasks.add(task)
    if (this.closed) task.cancel()
    else this.scheduler.enqueue(task)
    return task
  }

  /** Ends all tasks, youngest first, each with its `finally` blocks; a task that is running ends when it next waits. */
  cancel(): void {
    this.closed = true
    for (const task of [...this.tasks.keys()].reverse()) task.cancel()
  }

  /** For the scheduler. */
  forget(task: Coroutine): void {
    this.tasks.delete(task)
  }
}

/** The ready queue of one machine. */
export class TaskScheduler {
  /** The first `readyCount` count; the array is used again and again. */
  private readonly ready: (Coroutine | undefined)[] = [undefined]
  private readyCount = 0
  private holds = 0

  /** No task runs until `release`. Nests. */
  hold(): void {
    this.holds++
  }

  /** Undoes one `hold`; the last one runs all that is ready. */
  release(): void {
    if (--this.holds === 0 && this.readyCount > 0) this.run()
  }

  /** For coroutines: appends to the ready queue, and runs it unless somebody holds it. */
  enqueue(task: Coroutine): void {
    this.ready[this.readyCount++] = task
    if (this.holds === 0) this.run()
  }

  private run(): void {
    this.holds++
    // Woken tasks append to the queue that is being walked.
    for (let i = 0; i < this.readyCount; i++) {
      const task = this.ready[i]
      this.ready[i] = undefined
      if (task !== undefined) this.step(task)
    }
    this.readyCount = 0
    this.holds--
  }

  private step(task: Coroutine): void {
    if (task.done) return
    task.running = true
    let waits = false
    try {
      const result = task.body.next()
      if (result.done !== true) {
        if (!task.cancelled) task.block(result.value)
        waits = true
      }
    } catch (error) {
      task.group.owner.taskFailed(error)
    }
    task.running = false
    if (!waits) this.finish(task)
    else if (task.cancelled) this.unwind(task)
  }

  /** For coroutines. */
  cancel(task: Coroutine): void {
    if (task.done || task.cancelled) return
    task.cancelled = true
    if (task.running) return
    this.hold()
    this.unwind(task)
    this.release()
  }

  /** Runs `finally` blocks to the end. They may act but not wait: a wait in there is cut short. */
  private unwind(task: Coroutine): void {
    task.disarm()
    task.running = true
    try {
      for (let i = 0; i < UNWIND_LIMIT; i++) {
        if (task.body.return().done === true) break
      }
    } catch (error) {
      task.group.owner.taskFailed(error)
    }
    task.running = false
    this.finish(task)
  }

  private finish(task: Coroutine): void {
    task.done = true
    task.group.forget(task)
    task.tellEnd()
  }
}

/** Blocks until one of the tasks has ended. @returns its index; the lowest when several have */
export function* raceTasks(tasks: readonly Task[]): Blocking<number> {
  if (tasks.length === 0) throw new RangeError('a race needs at least one task')
  for (;;) {
    const first = tasks.findIndex((task) => task.done)
    if (first >= 0) return first
    yield new AnyEnded(tasks)
  }
}

class AnyEnded implements Wait {
  constructor(private readonly tasks: readonly Task[]) {}

  arm(resume: Resume): () => void {
    const disarms: (() => void)[] = []
    const disarmAll = (): void => {
      for (const disarm of disarms) disarm()
    }
    const once = (): void => {
      disarmAll()
      resume()
    }
    for (const task of this.tasks) {
      if (!(task instanceof Coroutine)) throw new TypeError('only tasks of the same machine can race')
      disarms.push(task.ended.arm(once))
    }
    return disarmAll
  }
}
