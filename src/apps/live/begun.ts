import type { AppContext, Blocking, Wait } from '../../host/socket.ts'

/** Goes on with a coroutine that has begun already, and waits. */
export function* resumed(wait: Wait, rest: Blocking<void>): Blocking<void> {
  yield wait
  yield* rest
}

/** Runs a coroutine at once as far as it comes without waiting; what is left then, if anything, is a task of its own. */
export function begin(context: AppContext, body: Blocking<void>): void {
  const step = body.next()
  if (step.done !== true) context.spawn(resumed(step.value, body))
}
