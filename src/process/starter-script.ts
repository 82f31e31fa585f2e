/**
 * The program of a starter (see `starter`): Perl 5, nothing but its core, for that is where /bin/perl is. Perl has what a shell lacks: a group for each
 * process, any environment, the status as wait(2) gives it, and many children at once.
 *
 * - Requests come as frames on standard input, a length of four bytes (big-endian) and words with NUL bytes between them:
 *   `L <id> <in> <out> <err> <folder> <argc> <argv>... <NAME=VALUE>...` starts a process behind a gate, `G <id>` opens the gate.
 * - Streams are descriptors of flowctl's, opened anew through /proc. A file's own offset is told with the end of its process.
 * - Answers are lines: `R` ready; `P <id> <pid>` there, in a group of its own; `F <id> <errno>` not there; `E <id> <status> <offset or ->`.
 * - The end of standard input is the end of flowctl: the gates close, and what waits behind them ends, having done nothing.
 * - Signals are ignored, for it lives as long as flowctl does; what it starts has the defaults.
 * - The signal of a child's end can come just before `select` and not wake it: so it looks by itself while it has children.
 */
export const STARTER_SCRIPT = `
my $owner = shift;
my $fds = "/proc/$owner/fd";
$0 = 'flowctl-starter';
chdir '/';
pipe(my $heard, my $tell);
my @ignored = qw(PIPE TERM INT HUP QUIT);
$SIG{$_} = 'IGNORE' for @ignored;
$SIG{CHLD} = sub { syswrite $tell, '.' };
my (%child, %gate);
sub answer { syswrite STDOUT, join(' ', @_) . "\\n" }

sub start {
  my ($id, $in, $out, $err, $folder, $count, @rest) = @_;
  my @argv = splice @rest, 0, $count;
  my ($stdin, $stdout, $stderr, $wait, $open);
  sysopen($stdin, $in eq '' ? '/dev/null' : "$fds/$in", 0)
    && sysopen($stdout, "$fds/$out", 1025)
    && ($err eq $out || sysopen($stderr, "$fds/$err", 1025))
    && pipe($wait, $open)
    or return answer('F', $id, $! + 0);
  my $pid = fork;
  defined $pid or return answer('F', $id, $! + 0);
  if ($pid == 0) {
    setpgrp 0, 0;
    $SIG{$_} = 'DEFAULT' for @ignored, 'CHLD';
    close $open;
    open STDIN, '<&', $stdin;
    open STDOUT, '>&', $stdout;
    open STDERR, '>&', defined $stderr ? $stderr : $stdout;
    sysread($wait, my $word, 1) or exit 125;
    %ENV = map { split /=/, $_, 2 } @rest;
    chdir $folder and exec { $argv[0] } @argv;
    my $status = $! == 2 ? 127 : 126;
    syswrite STDERR, "flowctl: $argv[0]: $!\\n";
    exit $status;
  }
  setpgrp $pid, $pid;
  $child{$pid} = [$id, $stdout];
  $gate{$id} = $open;
  answer('P', $id, $pid);
}

sub collect {
  while ((my $pid = waitpid -1, 1) > 0) {
    my $status = $?;
    my ($id, $stdout) = @{delete $child{$pid} or next};
    delete $gate{$id};
    my $offset = sysseek $stdout, 0, 1;
    answer('E', $id, $status, defined $offset ? $offset + 0 : '-');
  }
}

my $asked = '';
my $patience = 0.02;
answer('R');
while (1) {
  my $ready = '';
  vec($ready, 0, 1) = vec($ready, fileno $heard, 1) = 1;
  my $count = select $ready, undef, undef, %child ? $patience : undef;
  $patience = $count > 0 ? 0.02 : $patience < 0.1 ? $patience * 2 : $patience;
  if ($count > 0 && vec($ready, fileno $heard, 1)) { sysread $heard, my $dots, 4096 }
  collect();
  next if $count <= 0 || !vec($ready, 0, 1);
  my $read = sysread STDIN, $asked, 262144, length $asked;
  next if !defined $read;
  last if $read == 0;
  my $at = 0;
  while (length($asked) - $at >= 4) {
    my $size = unpack 'N', substr $asked, $at, 4;
    last if length($asked) - $at - 4 < $size;
    my ($verb, @words) = split /\\0/, substr($asked, $at + 4, $size), -1;
    $at += 4 + $size;
    if ($verb eq 'L') { start(@words) }
    elsif (my $open = delete $gate{$words[0]}) { syswrite $open, '.' }
  }
  substr($asked, 0, $at) = '';
}
`;
