import { lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { UsageError } from './context.ts'
import { FrameReader, FrameWriter, FramingError } from './frame-stream.ts'
import type { Attachment, AttachmentListener } from './attachment.ts'

/**
 * Frames over a unix socket. When somebody listens at the path, we connect, and the run ends when they leave. Otherwise we listen: one peer
 * at a time, who may leave and come again; while nobody is there, frames are lost as on a cable that is pulled.
 * @throws UsageError
 */
export async function openSocket(path: string, listener: AttachmentListener): Promise<Attachment> {
  const found = await whatIsAt(path)
  if (found === 'other') throw new UsageError(`${path}: there is something that is no socket`)
  if (found === 'socket') {
    const socket = await connectTo(path)
    if (socket !== undefined) return new SocketAttachment(listener, socket)
    // Left behind by a program that is gone.
    await unlink(path)
  }
  return listenAt(path, listener)
}

async function whatIsAt(path: string): Promise<'nothing' | 'socket' | 'other'> {
  try {
    return (await lstat(path)).isSocket() ? 'socket' : 'other'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'nothing'
    throw new UsageError(`${path}: ${(error as Error).message}`)
  }
}

/** undefined: nobody listens there. */
function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((done, fail) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      done(socket)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') done(undefined)
      else fail(new UsageError(`${path}: cannot be connected to: ${error.message}`))
    })
  })
}

function listenAt(path: string, listener: AttachmentListener): Promise<Attachment> {
  return new Promise((done, fail) => {
    const server = createServer()
    const attachment = new SocketAttachment(listener, undefined, server)
    server.on('connection', (socket) => {
      attachment.accept(socket)
    })
    server.once('error', (error) => {
      fail(new UsageError(`${path}: cannot listen there: ${error.message}`))
    })
    server.listen(path, () => {
      done(attachment)
    })
  })
}

class SocketAttachment implements Attachment {
  private socket: Socket | undefined
  private writer: FrameWriter | undefined

  /** @param server accepts peers; undefined: `first` is the only one */
  constructor(
    private readonly listener: AttachmentListener,
    first: Socket | undefined,
    private readonly server?: Server,
  ) {
    if (first !== undefined) this.accept(first)
  }

  accept(socket: Socket): void {
    // A second one would see half of each conversation.
    if (this.socket !== undefined) {
      socket.destroy()
      return
    }
    this.socket = socket
    this.writer = new FrameWriter(socket)
    const reader = new FrameReader((frame) => {
      this.listener.received(frame, 0)
    })
    let why = 'the peer has left'
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
      } catch (error) {
        if (!(error instanceof FramingError)) throw error
        why = `the peer does not keep to the framing: ${error.message}`
        socket.destroy()
      }
      this.listener.paused()
    })
    socket.on('error', (error) => {
      why = `the peer has left: ${error.message}`
    })
    socket.on('close', () => {
      this.socket = undefined
      this.writer = undefined
      if (this.server === undefined) this.listener.gone(why)
      else this.listener.left(why)
    })
    // Not before whoever opened this has it in hands.
    setImmediate(() => {
      if (this.socket === socket) this.listener.plugged()
    })
  }

  send(frame: Uint8Array): boolean {
    return this.writer?.write(frame) ?? false
  }

  flush(): void {
    this.writer?.flush()
  }

  async close(): Promise<void> {
    const { server, socket } = this
    socket?.removeAllListeners('close')
    socket?.destroySoon()
    if (server === undefined) return
    // Removes the socket's file, too.
    await new Promise((done) => server.close(done))
  }
}
