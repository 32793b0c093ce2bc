# Makes this machine the instance that the metadata service says it is: once for each instance id, as a disk may start
# as another instance (an AMI made from it). What is there stays when the service does not answer.
# On the way to SSH a new disk gets no new files, only content of files that are there: `keep_identity` does the rest.
host_key=/etc/dropbear/dropbear_ed25519_host_key
new_host_key=/run/new-host-key

# Empties a file unless it is empty: ext4 writes out at once what follows a truncation, and no start should wait for that.
empty() {
  [ -s "$1" ] && : >"$1"
}

install_key() {
  folder=/home/ec2-user/.ssh
  if [ ! -e $folder/authorized_keys ]; then
    (umask 077 && mkdir -p $folder && : >$folder/authorized_keys)
    chown -R ec2-user:ec2-user $folder
  fi
  empty $folder/authorized_keys
  [ -e /run/imds/openssh-key ] && cat /run/imds/openssh-key >>$folder/authorized_keys
}

make_host_key() {
  rm -f $new_host_key
  dropbearkey -t ed25519 -f $new_host_key >/dev/null 2>&1
}

make_home() {
  mkdir -p "$home"
  ln -sfn "$home" /var/lib/cloud/instance
}

# Sets `first` if this instance has not run on this disk before, and `home`, what belongs to it.
become_instance() {
  first= home= id= name=
  if /usr/lib/micro/agent imds && read -r id </run/imds/instance-id || [ -n "$id" ]; then
    home=/var/lib/cloud/instances/$id
    [ -e "$home/identity" ] || first=yes
    read -r name 2>/dev/null </run/imds/local-hostname
    [ -n "$name" ] && echo "${name%%.*}" >/proc/sys/kernel/hostname
  else
    echo 'micro: the instance metadata service does not answer'
  fi
  if [ -n "$first" ]; then
    install_key
    # What another instance left on this disk must not be taken for this one's.
    [ -e /var/lib/cloud/instance ] && make_home
    # The key that is there belongs to another instance.
    [ -s $host_key ] && make_host_key
  fi
  if [ -n "$first" ] || [ ! -s /etc/machine-id ]; then
    read -r uuid </proc/sys/kernel/random/uuid
    empty /etc/machine-id
    echo "${uuid//-/}" >>/etc/machine-id
  fi
  read -r name </proc/sys/kernel/hostname
  empty /etc/hosts
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n' "$name" >>/etc/hosts
}

# Gives the waiting SSH server its host key. Its connections, and a server that is started again, read a file.
open_ssh() {
  [ -s $new_host_key ] && key=$new_host_key || key=$host_key
  (umask 077 && cat $key >/run/host-key.file)
  exec 3>/run/host-key
  mv /run/host-key.file /run/host-key
  cat $key >&3
  exec 3>&-
}

keep_identity() {
  if [ -n "$first" ]; then
    rm -f /etc/dropbear/*_host_key*
    make_home
  fi
  if [ -s $new_host_key ]; then
    mkdir -p /etc/dropbear
    (umask 077 && cat $new_host_key >$host_key.new) && mv $host_key.new $host_key
  fi
  if [ -n "$first" ]; then
    # Written last, and only after the rest is on disk: an interrupted first start begins again.
    sync
    : >"$home/identity"
  fi
}
