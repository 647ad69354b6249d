// Which engine carries the embedded store: node:sqlite (in a worker, or here with fdatasync on the thread pool) or lmdb.
// node bench/store-drivers.ts ENGINE CLIENTS SECONDS; a slow disk is made with
//   strace -f --seccomp-bpf -qq -e trace=none -e inject=fsync,fdatasync,msync:delay_exit=5000 node bench/store-drivers.ts …
import { closeSync, fdatasync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

type Put = { key: string; value: Uint8Array };
/** Writes a batch; resolves when it is on disk. */
type Engine = { write(batch: Put[]): Promise<void>; close(): Promise<void> };

const SCHEMA = 'create table if not exists log(id integer primary key, revision integer, key text, value blob, previous integer)';

async function sqliteWorker(folder: string): Promise<Engine> {
  const code = `const {parentPort,workerData}=require('node:worker_threads');const {DatabaseSync}=require('node:sqlite');
    const db=new DatabaseSync(workerData);db.exec("pragma journal_mode=wal;pragma synchronous=full;pragma locking_mode=exclusive;${SCHEMA}");
    const put=db.prepare('insert into log(revision,key,value,previous) values(1,?,?,0)');
    parentPort.on('message',(m)=>{db.exec('begin');for(const p of m.batch)put.run(p.key,p.value);db.exec('commit');parentPort.postMessage(m.id)});`;
  const worker = new Worker(code, { eval: true, workerData: join(folder, 'db') });
  const waiting = new Map<number, () => void>();
  worker.on('message', (id: number) => {
    waiting.get(id)?.();
    waiting.delete(id);
  });
  let id = 0;
  return {
    write: (batch) =>
      new Promise((resolve) => {
        waiting.set(++id, resolve);
        worker.postMessage({ id, batch });
      }),
    close: async () => void (await worker.terminate()),
  };
}

async function sqliteHere(folder: string): Promise<Engine> {
  const { DatabaseSync } = await import('node:sqlite');
  const file = join(folder, 'db');
  const db = new DatabaseSync(file);
  db.exec(`pragma journal_mode=wal;pragma synchronous=off;pragma wal_autocheckpoint=0;pragma locking_mode=exclusive;${SCHEMA}`);
  const put = db.prepare('insert into log(revision,key,value,previous) values(1,?,?,0)');
  const checkpoint = db.prepare('pragma wal_checkpoint(passive)');
  const wal = openSync(`${file}-wal`, 'r+');
  const main = openSync(file, 'r+');
  const sync = promisify(fdatasync);
  let pages = 0;
  return {
    async write(batch) {
      db.exec('begin');
      for (const p of batch) put.run(p.key, p.value);
      db.exec('commit');
      await sync(wal);
      pages += batch.length;
      if (pages > 256) {
        checkpoint.get();
        await sync(main);
        pages = 0;
      }
    },
    async close() {
      closeSync(wal);
      closeSync(main);
      db.close();
    },
  };
}

async function lmdb(folder: string): Promise<Engine> {
  const { open } = await import('lmdb');
  const db = open<Uint8Array, string>({ path: join(folder, 'db'), encoding: 'binary' });
  return {
    async write(batch) {
      for (const p of batch) void db.put(p.key, p.value as Buffer);
      await db.flushed;
    },
    close: () => db.close(),
  };
}

const [name = 'here', clients = '1', seconds = '3'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'store-drivers-'));
const engine = await { worker: sqliteWorker, here: sqliteHere, lmdb }[name]!(folder);
const latencies: number[] = [];
let queue: { put: Put; done: () => void }[] = [];
let busy = false;
async function pump(): Promise<void> {
  if (busy) return;
  busy = true;
  while (queue.length > 0) {
    const batch = queue;
    queue = [];
    await engine.write(batch.map((b) => b.put));
    for (const b of batch) b.done();
  }
  busy = false;
}
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const began = performance.now();
const cpu = process.cpuUsage();
const until = began + Number(seconds) * 1000;
let written = 0;
async function client(n: number): Promise<void> {
  for (let i = 0; performance.now() < until; i++) {
    const start = performance.now();
    const put = { key: `/registry/configmaps/default/c${n}-${i}`, value: new Uint8Array(1500).fill(i) };
    await new Promise<void>((done) => {
      queue.push({ put, done });
      void pump();
    });
    latencies.push(performance.now() - start);
    written++;
  }
}
await Promise.all(Array.from({ length: Number(clients) }, (_, n) => client(n)));
const used = process.cpuUsage(cpu);
latencies.sort((a, b) => a - b);
const pss = Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]) / 1024;
console.log(
  JSON.stringify({
    bench: 'store-drivers',
    engine: name,
    clients: Number(clients),
    perSecond: Math.round(written / ((performance.now() - began) / 1000)),
    p50Ms: Number(latencies[written >> 1]?.toFixed(2)),
    p99Ms: Number(latencies[Math.floor(written * 0.99)]?.toFixed(2)),
    loopP99Ms: Number((delay.percentile(99) / 1e6).toFixed(2)),
    loopMaxMs: Number((delay.max / 1e6).toFixed(1)),
    cpuUs: Math.round((used.user + used.system) / written),
    pssMb: Math.round(pss),
  }),
);
await engine.close();
rmSync(folder, { recursive: true });
