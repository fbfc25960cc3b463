import type { Environment } from '../kernel/machine.ts'
import type { Nanos } from '../kernel/time.ts'
import type { Wait } from './socket.ts'

/** Another wait, but no longer than until a time. Who was resumed looks at the clock to know which it was. */
export class TimedWait implements Wait {
  constructor(
    private readonly wait: Wait,
    private readonly environment: Environment,
    private readonly until: Nanos,
  ) {}

  arm(resume: () => void): () => void {
    const timer = this.environment.schedule(this.until, () => {
      disarm()
      resume()
    })
    const disarm = this.wait.arm(() => {
      timer.cancel()
      resume()
    })
    return () => {
      timer.cancel()
      disarm()
    }
  }
}
