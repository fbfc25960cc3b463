/** Somebody tried to configure what a machine does not have, or with a value that it cannot take. */
export class UnknownSetting extends Error {
  override readonly name = 'UnknownSetting'
  constructor(
    /** Dotted path below the host: `'app.interval'`. */
    readonly path: string,
    detail: string,
  ) {
    super(`${path}: ${detail}`)
  }
}
