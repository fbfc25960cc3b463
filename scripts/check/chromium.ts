import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Without a GPU, with WebGL by SwiftShader, and without the browser's own errands. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
]

/** The program of that name on the PATH. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name)
    const found = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return file
  }
  return undefined
}

/** A Chromium that is here already: `CHROMIUM`, or one on the PATH. */
export async function findChromium(): Promise<string | undefined> {
  if (process.env.CHROMIUM !== undefined && process.env.CHROMIUM !== '') return process.env.CHROMIUM
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    const file = await findProgram(name)
    if (file !== undefined) return file
  }
  return undefined
}
