/** `import { url } from 'worker:./simulation-worker.ts'`: where the build put that worker, as one classic script. */
declare module 'worker:*' {
  export const url: string
}

/** `await import('worker-code:./simulation-worker.ts')`: the text of the same script, for a blob where no URL may be used. */
declare module 'worker-code:*' {
  const code: string
  export default code
}
