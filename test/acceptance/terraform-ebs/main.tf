# Volumes as code: of every kind, attached and not, grown and changed; and what is made of them.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "disks" }
  }
}

variable "data_gib" {
  type    = number
  default = 10
}

variable "fast_type" {
  type    = string
  default = "io2"
}

variable "attached" {
  type    = bool
  default = true
}

locals {
  zone = "us-east-1b"
}

data "aws_ami" "micro" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["fogbank-micro-*"]
  }
}

data "aws_subnet" "this" {
  availability_zone = local.zone
  default_for_az    = true
}

resource "aws_instance" "this" {
  ami           = data.aws_ami.micro.id
  instance_type = "t3.micro"
  subnet_id     = data.aws_subnet.this.id

  root_block_device {
    volume_size = 4
    volume_type = "gp3"
  }
}

# The provider does not mix these with attachments of their own.
resource "aws_instance" "disks" {
  ami           = data.aws_ami.micro.id
  instance_type = "t3.micro"
  subnet_id     = data.aws_subnet.this.id

  ebs_block_device {
    device_name = "/dev/sdb"
    volume_size = 3
  }

  ebs_block_device {
    device_name           = "/dev/sdc"
    volume_size           = 4
    volume_type           = "io1"
    iops                  = 150
    delete_on_termination = false
  }
}

resource "aws_ebs_volume" "data" {
  availability_zone = local.zone
  size              = var.data_gib
  type              = "gp3"
  throughput        = 200
  tags              = { Name = "data" }
}

resource "aws_ebs_volume" "fast" {
  availability_zone = local.zone
  size              = 8
  type              = var.fast_type
  iops              = var.fast_type == "io2" ? 400 : 3500
}

resource "aws_ebs_volume" "cold" {
  availability_zone = local.zone
  size              = 125
  type              = "sc1"
}

resource "aws_ebs_volume" "shared" {
  availability_zone    = local.zone
  size                 = 4
  type                 = "io2"
  iops                 = 100
  multi_attach_enabled = true
}

resource "aws_volume_attachment" "data" {
  count       = var.attached ? 1 : 0
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.this.id
}

resource "aws_volume_attachment" "shared" {
  device_name = "/dev/sdg"
  volume_id   = aws_ebs_volume.shared.id
  instance_id = aws_instance.this.id
}

resource "aws_ebs_snapshot" "data" {
  volume_id   = aws_ebs_volume.cold.id
  description = "before the winter"
  tags        = { Name = "cold" }
}

resource "aws_ebs_volume" "copy" {
  availability_zone = local.zone
  snapshot_id       = aws_ebs_snapshot.data.id
  type              = "gp2"
}

data "aws_ebs_volume" "data" {
  most_recent = true
  filter {
    name   = "tag:Name"
    values = ["data"]
  }
  depends_on = [aws_ebs_volume.data]
}

output "names" {
  value = {
    instance = aws_instance.this.id
    disks    = aws_instance.disks.id
    data     = aws_ebs_volume.data.id
    found    = data.aws_ebs_volume.data.id
    fast     = aws_ebs_volume.fast.id
    shared   = aws_ebs_volume.shared.id
    copy     = aws_ebs_volume.copy.id
    size     = aws_ebs_volume.copy.size
  }
}
