import { spawn, type ChildProcessByStdio } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { UsageError } from './context.ts'
import { FrameReader, FrameWriter } from './frame-stream.ts'
import type { Attachment, AttachmentListener, InterfaceSettings } from './attachment.ts'

/** What the program tells of the interface, a JSON object a line. */
interface News {
  readonly made?: true
  readonly up?: boolean
  readonly error?: string
}

/** Node has no way to a TAP, so a program of Python holds it. It lies beside this file, in `dist` as well. */
const PROGRAM = fileURLToPath(new URL('./tap.py', import.meta.url))

/** Before each frame from there stand so many bytes with its time. */
const STAMP = 8

/**
 * Makes a TAP interface, which lasts until `close`.
 * @param configure whether it also gets its addresses and routes, and is set up
 * @throws UsageError when it cannot be made
 */
export function openTap(
  place: { readonly namespace: string | undefined; readonly name: string },
  { mac, mtu, addresses, routes }: InterfaceSettings,
  configure: boolean,
  listener: AttachmentListener,
): Promise<Attachment> {
  const { namespace, name } = place
  const wish = { namespace: namespace ?? null, name, mac, mtu, configure: configure ? { addresses, routes } : null }
  const child = spawn('python3', [PROGRAM, JSON.stringify(wish)], { stdio: ['pipe', 'pipe', 'pipe'] })
  return new Promise((done, fail) => {
    const attachment = new TapAttachment(child, listener)
    let complaint = ''
    readLines(child.stderr, (line) => {
      const news = parseNews(line)
      if (news === undefined) complaint = `${complaint}${line}\n`
      else if (news.error !== undefined) complaint = news.error
      else if (news.made === true) {
        attachment.made = true
        done(attachment)
      } else if (news.up !== undefined) attachment.setUp(news.up)
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'ENOENT' ? 'it takes Python 3, and there is no python3' : error.message
      fail(new UsageError(`--tap ${name}: ${reason}`))
    })
    child.on('close', () => {
      const why = complaint === '' ? `the TAP interface ${name} is gone` : complaint.trimEnd()
      fail(new UsageError(`--tap ${name}: ${why}`))
      attachment.gone(why)
    })
  })
}

function parseNews(line: string): News | undefined {
  try {
    return JSON.parse(line) as News
  } catch (error) {
    // Not a word of the program's own, but of Python.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function readLines(stream: Readable, take: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) take(line)
  })
}

class TapAttachment implements Attachment {
  private readonly writer: FrameWriter
  /** Whether the interface was there once. */
  made = false
  private isUp = false
  private hasEnded = false
  private closing = false
  private onEnd: (() => void) | undefined

  constructor(
    private readonly child: ChildProcessByStdio<Writable, Readable, Readable>,
    private readonly listener: AttachmentListener,
  ) {
    this.writer = new FrameWriter(child.stdin)
    let now = 0
    const reader = new FrameReader((stamped) => {
      const at = stamped.readUInt32BE(0) * 2 ** 32 + stamped.readUInt32BE(4)
      listener.received(stamped.subarray(STAMP), Math.max(0, now - at))
    })
    child.stdout.on('data', (chunk: Buffer) => {
      // The program's clock is this one as well.
      now = Number(process.hrtime.bigint())
      reader.push(chunk)
      listener.paused()
    })
    // Told by the end of the process as well.
    child.stdin.on('error', () => {
      this.isUp = false
    })
  }

  setUp(up: boolean): void {
    this.isUp = up
    if (!up) return
    // Not before whoever opened this has it in hands.
    setImmediate(() => {
      this.listener.plugged()
    })
  }

  gone(why: string): void {
    this.hasEnded = true
    this.isUp = false
    this.onEnd?.()
    if (this.made && !this.closing) this.listener.gone(why)
  }

  send(frame: Uint8Array): boolean {
    return this.isUp && this.writer.write(frame)
  }

  flush(): void {
    if (this.isUp) this.writer.flush()
  }

  async close(): Promise<void> {
    this.closing = true
    if (this.hasEnded) return
    const ended = new Promise<void>((done) => {
      this.onEnd = done
    })
    this.child.stdin.end()
    await ended
  }
}
