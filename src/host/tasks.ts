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

/** How often a cancelled generator may yield inside `finally` blocks before it is given up. */
const UNWIND_LIMIT = 100

type Resume = () => void

/** Somebody who waits, in a list. */
interface Waiting {
  resume: Resume | undefined
  next: Waiting | undefined
}

/** Callbacks of those who wait for one thing. Waking wakes all of them; each looks anew whether it can go on. */
export class WaitQueue implements Wait {
  private first: Waiting | undefined
  private last: Waiting | undefined

  arm(resume: Resume): () => void {
    // An entry outlives its queue while that is being woken, so disarming must reach it there too.
    const entry: Waiting = { resume, next: undefined }
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    return () => {
      entry.resume = undefined
      this.remove(entry)
    }
  }

  private remove(entry: Waiting): void {
    let before: Waiting | undefined
    for (let other = this.first; other !== undefined; before = other, other = other.next) {
      if (other !== entry) continue
      if (before === undefined) this.first = entry.next
      else before.next = entry.next
      if (this.last === entry) this.last = before
      return
    }
  }

  wake(): void {
    let entry = this.first
    this.first = undefined
    this.last = undefined
    for (; entry !== undefined; entry = entry.next) {
      const { resume } = entry
      entry.resume = undefined
      resume?.()
    }
  }
}

class Coroutine implements Task {
  done = false
  /** Whether its generator is on the call stack, so that it must not be entered again. */
  running = false
  cancelled = false
  /** Stops the wait that it is blocked on. */
  disarm: (() => void) | undefined
  readonly ended = new WaitQueue()
  readonly resume: Resume

  constructor(
    private readonly scheduler: TaskScheduler,
    readonly body: Blocking<void>,
    readonly group: TaskGroup,
  ) {
    this.resume = () => {
      if (this.disarm === undefined) return
      this.disarm = undefined
      this.scheduler.enqueue(this)
    }
  }

  cancel(): void {
    this.scheduler.cancel(this)
  }

  *join(): Blocking<void> {
    while (!this.done) yield this.ended
  }
}

/** Tasks that live and die together: one application. */
export class TaskGroup {
  private readonly tasks = new Set<Coroutine>()
  private closed = false

  /** @param failed told of every uncaught error of a task of the group */
  constructor(
    private readonly scheduler: TaskScheduler,
    readonly failed: (error: unknown) => void,
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
    for (const task of [...this.tasks].reverse()) task.cancel()
  }

  /** For the scheduler. */
  forget(task: Coroutine): void {
    this.tasks.delete(task)
  }
}

/** The ready queue of one machine. */
export class TaskScheduler {
  /** The first `readyCount` count; the array is used again and again. */
  private readonly ready: (Coroutine | undefined)[] = []
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
        if (!task.cancelled) task.disarm = result.value.arm(task.resume)
        waits = true
      }
    } catch (error) {
      task.group.failed(error)
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
    task.disarm?.()
    task.disarm = undefined
    task.running = true
    try {
      for (let i = 0; i < UNWIND_LIMIT; i++) {
        if (task.body.return().done === true) break
      }
    } catch (error) {
      task.group.failed(error)
    }
    task.running = false
    this.finish(task)
  }

  private finish(task: Coroutine): void {
    task.done = true
    task.group.forget(task)
    task.ended.wake()
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
