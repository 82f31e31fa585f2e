/**
 * The program of a warm interpreter (see `warm-python`): a starter, as `starter-script` describes it, that forks itself in place of starting a program, so
 * that a step finds a Python that is up. CPython 3.8 to 3.13 on Linux, and nothing is imported but what a bare `python3 -c` has imported itself.
 *
 * - Its arguments are its own text and the pid of flowctl. The first frame, `B <NAME=VALUE>...`, is the environment that it was started with: what a wrapper
 *   or Python itself has changed of it is changed for each step.
 * - An order is read into one place, of it the interpreter looks at the descriptors only, and wipes it: what a step is given is in the memory of no other.
 * - A child writes its command line and its environment where the kernel looks for them (/proc/PID/cmdline, environ; proc_pid_stat(5), fields 48 to 51), so
 *   that a sweep finds it by its token. FLOWCTL_ROOM only makes room for that.
 * - Where a site hook has started a thread, or opened something that all forks would share, it is not fit, and says so by leaving.
 * - It leaves where packages came or went since it came up: what it has learned of them no longer holds.
 * - A text runs in \`__main__\` beneath two frames of this program, which no traceback shows.
 * - An end of a child that comes just before a read begins does not interrupt it: hence the timer.
 */
export const WARM_PYTHON_SCRIPT = String.raw`
import sys, os, gc, _signal
from io import TextIOWrapper

lists = sys.version_info >= (3, 13) # where a traceback shows the lines of a text

def fields():
    with open('/proc/self/stat', 'rb') as file: return file.read().rsplit(b')', 1)[1].split()

def keeps(number):
    try: return not os.get_inheritable(number)
    except OSError: return False

def fit():
    if sys.implementation.name != 'cpython' or not (3, 8) <= sys.version_info < (3, 14): return False
    if lists and '<string>' not in sys.modules['linecache'].cache: return False
    if any(keeps(int(each)) for each in os.listdir('/proc/self/fd')): return False
    return int(fields()[17]) == 1 and len(sys._current_frames()) == 1

def show(start, end, texts):
    file = os.open('/proc/self/mem', os.O_RDWR)
    try: os.pwrite(file, b''.join(each + b'\0' for each in texts)[:end - start - 1], start)
    finally: os.close(file)

if not fit(): os._exit(1)
owner, home = sys.argv[2], os.getcwd()
arg_start, arg_end, env_start, env_end = map(int, fields()[45:49])
program = os.pread(file := os.open('/proc/self/mem', os.O_RDONLY), arg_end - arg_start, arg_start).split(b'\0')[0]
os.close(file)
descriptors = '/proc/' + owner + '/fd/'
orders, answers = os.dup(0), os.dup(1)
nothing = os.open('/dev/null', os.O_RDWR)
for each in 0, 1: os.dup2(nothing, each)
os.close(nothing)
title = b'flowctl-warm-python'
IGNORED = _signal.SIGTERM, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGINT
room, children, gates = bytearray(131072), {}, {}
reading, patience, stale = False, 0.02, False

def answer(*words):
    os.write(answers, (' '.join(map(str, words)) + '\n').encode())

def look(number=None, frame=None):
    global patience
    if not reading: return
    while children:
        try: pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError: break # a signal came within: whom we look for was found a moment ago, and is not off the list yet
        if pid == 0: break
        if pid not in children: continue # of a wrapper, before it became this
        name, output = children.pop(pid)
        if name in gates: os.close(gates.pop(name))
        try: written = os.lseek(output, 0, os.SEEK_CUR)
        except OSError: written = '-'
        os.close(output)
        answer('E', name, status, written)
    if stale and not children: os._exit(0)
    patience = min(patience * 2, 0.1) if number == _signal.SIGALRM else 0.02
    _signal.setitimer(_signal.ITIMER_REAL, patience if children else 0)

for each in IGNORED: _signal.signal(each, _signal.SIG_IGN)
for each in _signal.SIGCHLD, _signal.SIGALRM: _signal.signal(each, look)

def receive(size):
    global reading
    got, view = 0, memoryview(room)
    while got < size:
        reading = True
        look()
        count = os.readv(orders, [view[got:size]])
        reading = False
        if count == 0: os._exit(0)
        got += count

def frame():
    receive(4)
    size = int.from_bytes(room[:4], 'big')
    if size > len(room): os._exit(1)
    receive(size)
    return size

def wipe(size):
    room[:size] = bytes(size)

def pairs(words):
    return dict(word.split(b'=', 1) for word in words)

def print_of(place):
    try: found = os.stat(place)
    except OSError: return None
    return found.st_mtime_ns, found.st_ino

def prints():
    site = sys.modules.get('site')
    places = [] if site is None else [*site.getsitepackages(), site.getusersitepackages()]
    return [print_of(place) for place in (*places, sys.executable, os.path.join(sys.prefix, 'pyvenv.cfg'))]

def start(size):
    global stale
    words, at = [], 0
    for _ in range(5):
        end = room.index(0, at)
        words.append(room[at:end].decode())
        at = end + 1
    name, *streams = words[1:]
    stale = stale or prints() != before
    if stale: return answer('F', name, 0)
    opened, gate = {}, None
    try:
        for number, flags in zip(streams, (os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_APPEND)):
            if number not in opened: opened[number] = os.open(descriptors + number if number else '/dev/null', flags)
        wait, gate = os.pipe()
        opened['gate'] = wait
        pid = os.fork()
    except OSError as error:
        for each in {*opened.values(), *([] if gate is None else [gate])}: os.close(each)
        return answer('F', name, error.errno)
    given = [opened[number] for number in streams]
    if pid == 0:
        try: return become(size, given, wait, {*opened.values(), gate, orders, answers, *gates.values(), *(out for _, out in children.values())})
        except BaseException as error:
            os.write(2, ('flowctl: ' + repr(error) + '\n').encode())
            os._exit(125)
    try: os.setpgid(pid, pid)
    except OSError: pass
    for each in {*opened.values()} - {given[1]}: os.close(each)
    children[pid], gates[name] = (name, given[1]), gate
    answer('P', name, pid)

def stream(number, old, label):
    writes = number > 0
    bare = writes and old.write_through
    buffer = open(number, 'wb' if writes else 'rb', 0 if bare else -1, closefd=False)
    (buffer if bare else buffer.raw).name = label
    lines = number == 2 and old.line_buffering
    made = TextIOWrapper(buffer, old.encoding, old.errors, '\n', lines, old.write_through)
    made.mode = 'w' if writes else 'r'
    return made

def become(size, given, wait, inherited):
    os.setpgid(0, 0)
    for each in (*IGNORED, _signal.SIGCHLD, _signal.SIGALRM): _signal.signal(each, _signal.SIG_DFL)
    _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    _, _, _, _, _, folder, count, *rest = bytes(room[:size]).split(b'\0')
    wipe(size)
    argv, variables = rest[:int(count)], pairs(rest[int(count):])
    for name in removed: variables.pop(name, None)
    variables.update(changed)
    for number, each in enumerate(given): os.dup2(each, number)
    for each in inherited - {wait}: os.close(each)
    token = {name: value for name, value in variables.items() if name == b'FLOWCTL_TOKEN'}
    places = (arg_start, arg_end, [program, *argv[1:], bytes(len(title))]), (env_start, env_end, [name + b'=' + value for name, value in {**token, **variables}.items()])
    for place in places: show(*place)
    for name, value in variables.items(): os.putenv(name, value)
    os.environ._data.update(variables) # as setting each would do, in a third of the time
    sys.argv = ['-c', *map(os.fsdecode, argv[4:])]
    if hasattr(sys, 'orig_argv'): sys.orig_argv = [os.fsdecode(each) for each in (program, *argv[1:])]
    sys.stdin = sys.__stdin__ = stream(0, sys.stdin, '<stdin>')
    sys.stdout = sys.__stdout__ = stream(1, sys.stdout, '<stdout>')
    sys.stderr = sys.__stderr__ = stream(2, sys.stderr, '<stderr>')
    if not os.read(wait, 1): os._exit(125)
    os.close(wait)
    try: os.chdir(folder)
    except OSError as error:
        os.write(2, b'flowctl: ' + argv[0] + b': ' + error.strerror.encode() + b'\n')
        os._exit(127 if error.errno == 2 else 126)
    if home != os.getcwd(): sys.path_importer_cache.pop(home, None)
    return os.fsdecode(argv[3]) + '\n'

def serve():
    while True:
        size = frame()
        verb = room[:1]
        if verb == b'L':
            text = start(size)
            if text is not None: return text
        elif verb == b'G':
            gate = gates.pop(room[2:size].decode(), None)
            if gate is not None:
                try: os.write(gate, b'.')
                except OSError: pass
                os.close(gate)
        wipe(size)

size = frame()
given = pairs(bytes(room[:size]).split(b'\0')[1:])
changed = {name: value for name, value in os.environb.items() if given.get(name) != value}
removed = [name for name in given if name not in os.environb] + [b'FLOWCTL_ROOM']
changed.pop(b'FLOWCTL_ROOM', None)
given.clear()
os.environ.clear() # before nothing is left where names are looked for
show(arg_start, arg_end, [program, title, bytes(arg_end - arg_start)])
show(env_start, env_end, [bytes(env_end - env_start)])
before = prints()
sys.modules.pop('gc')
gc.collect()
gc.freeze()
answer('R')
text = serve()
try:
    code = compile(text, '<string>', 'exec', dont_inherit=True)
    if lists: # what keeps them is looked for from the folder of the step
        del sys.modules['linecache']
        __import__('linecache')._register_code('<string>', text, '<string>')
    exec(code, vars(sys.modules['__main__']))
except SystemExit: raise
except BaseException as error:
    trace, hook = error.__traceback__.tb_next, getattr(sys, 'excepthook', None)
    if hook is not None: sys.excepthook = lambda kind, value, _: hook(kind, value.with_traceback(trace), trace)
    raise
`;
