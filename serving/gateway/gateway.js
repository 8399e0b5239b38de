// Check the body of an inference request before TensorFlow Serving parses it. Some ten
// thousand levels of JSON overflow its parser's stack and end it (CVE-2025-0649).

// A batch of images has 6 levels: object, batch, rows, columns, channels.
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

// Return the index of the quote that ends the string that begins at `start`.
function endOfString(bytes, start) {
    let end = start;
    let backslashes;
    do {
        end = bytes.indexOf(QUOTE, end + 1);
        backslashes = 0;
        while (bytes[end - 1 - backslashes] === BACKSLASH) {
            backslashes++;
        }
    } while (end !== -1 && backslashes % 2);
    return end === -1 ? bytes.length : end;
}

// Use bytes, not text, because decoders differ for invalid UTF-8.
function isTooDeep(bytes) {
    const length = bytes.length;
    let depth = 0;
    for (let i = 0; i < length; i++) {
        switch (bytes[i]) {
        case QUOTE:
            i = endOfString(bytes, i);
            break;
        case 0x5b:  // [
        case 0x7b:  // {
            depth++;
            if (depth > MAX_DEPTH) {
                return true;
            }
            break;
        case 0x5d:  // ]
        case 0x7d:  // }
            depth--;
        }
    }
    return false;
}

function refuse(request, message) {
    request.headersOut['Content-Type'] = 'application/json';
    request.return(400, JSON.stringify({error: message}));
}

function forward(request) {
    const body = request.requestBuffer;
    if (!body || !body.length) {
        refuse(request, 'The request has no body.');
    } else if (isTooDeep(body)) {
        refuse(request, `The JSON is nested deeper than ${MAX_DEPTH} levels.`);
    } else {
        request.internalRedirect('@tensorflow_serving');
    }
}

export default { forward };
