import type { Wait } from '../../host/socket.ts'

/** Waits for whichever of two comes first. Who was resumed looks which it was. */
export class FirstWait implements Wait {
  constructor(
    private readonly one: Wait,
    private readonly other: Wait,
  ) {}

  arm(resume: () => void): () => void {
    const disarmOne = this.one.arm(() => {
      disarmOther()
      resume()
    })
    const disarmOther = this.other.arm(() => {
      disarmOne()
      resume()
    })
    return () => {
      disarmOne()
      disarmOther()
    }
  }
}
