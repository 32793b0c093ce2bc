# AMIs as code: of a snapshot, of an instance, copied from another Region, and shared.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = { Project = "images" }
  }
}

provider "aws" {
  alias  = "elsewhere"
  region = "eu-west-1"
}

variable "description" {
  type    = string
  default = "of a snapshot"
}

variable "friends" {
  type    = string
  default = "222222222222 333333333333"
}

variable "block" {
  type    = string
  default = "unblocked"
}

data "aws_ami" "micro" {
  most_recent = true
  owners      = ["amazon"]
  filter {
    name   = "name"
    values = ["fogbank-micro-*"]
  }
}

resource "aws_instance" "this" {
  ami           = data.aws_ami.micro.id
  instance_type = "t3.micro"
}

resource "aws_ami_from_instance" "server" {
  name               = "server"
  source_instance_id = aws_instance.this.id
  # EC2 itself gives a public AMI a date of deprecation.
  lifecycle {
    ignore_changes = [deprecation_time]
  }
}

resource "aws_ebs_snapshot" "root" {
  volume_id   = aws_instance.this.root_block_device[0].volume_id
  description = "the root disk"
}

resource "aws_ami" "snapshot" {
  name                = "snapshot"
  description         = var.description
  architecture        = "x86_64"
  virtualization_type = "hvm"
  root_device_name    = "/dev/xvda"
  ena_support         = true
  imds_support        = "v2.0"
  boot_mode           = "legacy-bios"

  ebs_block_device {
    device_name = "/dev/xvda"
    snapshot_id = aws_ebs_snapshot.root.id
    volume_type = "gp3"
  }

  ebs_block_device {
    device_name           = "/dev/sdf"
    volume_size           = 3
    volume_type           = "gp2"
    delete_on_termination = false
  }
}

resource "aws_ami_copy" "elsewhere" {
  provider          = aws.elsewhere
  name              = "server"
  description       = "from over there"
  source_ami_id     = aws_ami_from_instance.server.id
  source_ami_region = "us-east-1"
}

resource "aws_ami_launch_permission" "friends" {
  for_each   = toset(split(" ", var.friends))
  image_id   = aws_ami.snapshot.id
  account_id = each.key
}

resource "aws_ec2_image_block_public_access" "this" {
  state = var.block
}

resource "aws_ami_launch_permission" "everybody" {
  count      = var.block == "unblocked" ? 1 : 0
  image_id   = aws_ami_from_instance.server.id
  group      = "all"
  depends_on = [aws_ec2_image_block_public_access.this]
}

data "aws_ami" "found" {
  owners = ["self"]
  filter {
    name   = "name"
    values = [aws_ami.snapshot.name]
  }
}

output "names" {
  value = {
    instance = aws_instance.this.id
    server   = aws_ami_from_instance.server.id
    snapshot = aws_ami.snapshot.id
    found    = data.aws_ami.found.id
    copy     = aws_ami_copy.elsewhere.id
  }
}
