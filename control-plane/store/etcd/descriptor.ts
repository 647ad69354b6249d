// The part of etcd's v3 API that the driver speaks: field names, numbers and types (facts of its protocol).
import type { INamespace } from 'protobufjs';

const field = (type: string, id: number) => ({ type, id });
const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id });

export const etcdDescriptor: INamespace = {
  nested: {
    KeyValue: {
      fields: {
        key: field('bytes', 1),
        createRevision: field('int64', 2),
        modRevision: field('int64', 3),
        version: field('int64', 4),
        value: field('bytes', 5),
      },
    },
    /** `type` 1: deleted. */
    Event: { fields: { type: field('int32', 1), kv: field('KeyValue', 2), prevKv: field('KeyValue', 3) } },
    ResponseHeader: { fields: { clusterId: field('uint64', 1), memberId: field('uint64', 2), revision: field('int64', 3) } },
    RangeRequest: {
      fields: {
        key: field('bytes', 1),
        rangeEnd: field('bytes', 2),
        limit: field('int64', 3),
        revision: field('int64', 4),
        countOnly: field('bool', 9),
      },
    },
    RangeResponse: {
      fields: { header: field('ResponseHeader', 1), kvs: repeated('KeyValue', 2), more: field('bool', 3), count: field('int64', 4) },
    },
    PutRequest: { fields: { key: field('bytes', 1), value: field('bytes', 2) } },
    PutResponse: { fields: { header: field('ResponseHeader', 1) } },
    DeleteRangeRequest: { fields: { key: field('bytes', 1) } },
    DeleteRangeResponse: { fields: { header: field('ResponseHeader', 1), deleted: field('int64', 2) } },
    RequestOp: {
      oneofs: { request: { oneof: ['requestRange', 'requestPut', 'requestDeleteRange'] } },
      fields: {
        requestRange: field('RangeRequest', 1),
        requestPut: field('PutRequest', 2),
        requestDeleteRange: field('DeleteRangeRequest', 3),
      },
    },
    ResponseOp: { fields: { responseRange: field('RangeResponse', 1) } },
    /** `result` 0: equal; `target` 2: the revision of the last change, 0 for an absent key. */
    Compare: {
      oneofs: { targetUnion: { oneof: ['modRevision'] } },
      fields: { result: field('int32', 1), target: field('int32', 2), key: field('bytes', 3), modRevision: field('int64', 6) },
    },
    TxnRequest: { fields: { compare: repeated('Compare', 1), success: repeated('RequestOp', 2), failure: repeated('RequestOp', 3) } },
    TxnResponse: { fields: { header: field('ResponseHeader', 1), succeeded: field('bool', 2), responses: repeated('ResponseOp', 3) } },
    CompactionRequest: { fields: { revision: field('int64', 1) } },
    CompactionResponse: { fields: { header: field('ResponseHeader', 1) } },
    StatusRequest: { fields: {} },
    StatusResponse: { fields: { header: field('ResponseHeader', 1), version: field('string', 2), dbSize: field('int64', 3) } },
    WatchCreateRequest: {
      fields: { key: field('bytes', 1), rangeEnd: field('bytes', 2), startRevision: field('int64', 3), prevKv: field('bool', 6) },
    },
    WatchRequest: { oneofs: { requestUnion: { oneof: ['createRequest'] } }, fields: { createRequest: field('WatchCreateRequest', 1) } },
    WatchResponse: {
      fields: {
        header: field('ResponseHeader', 1),
        created: field('bool', 3),
        canceled: field('bool', 4),
        compactRevision: field('int64', 5),
        cancelReason: field('string', 6),
        events: repeated('Event', 11),
      },
    },
  },
};

/** 64-bit integers come as Long objects where that package is installed, else as numbers. */
export type Int64 = number | { toString(): string };
export interface KeyValue {
  key: Uint8Array;
  value: Uint8Array;
  modRevision: Int64;
}
export interface Header {
  revision: Int64;
}
export interface RangeResponse {
  header: Header;
  kvs: KeyValue[];
  count: Int64;
}
export interface TxnResponse {
  header: Header;
  succeeded: boolean;
  responses: { responseRange?: RangeResponse }[];
}
export interface StatusResponse {
  header: Header;
  version: string;
  dbSize: Int64;
}

export interface WatchResponse {
  header: Header;
  canceled: boolean;
  compactRevision: Int64;
  cancelReason: string;
  events: { type: number; kv: KeyValue; prevKv?: KeyValue }[];
}
