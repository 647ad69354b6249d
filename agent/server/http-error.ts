// What a request is refused with: a status and one line of text, as the kubelet answers.

export class HttpError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

export class NoSuchPath extends HttpError {
  constructor() {
    super(404, '404 page not found');
  }
}
